# SPDX-License-Identifier: Apache-2.0
"""Every error of the API is a problem (RFC 9457); methods that are not served are told with Allow."""
import pytest
from notifier import ALLOW, INVALID

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
SERVED = {
    "/v1/notifications": "GET POST", "/v1/notifications/ntf_0000000000000": "GET",
    "/v1/notifications/ntf_0000000000000/payload": "GET", "/v1/notifications/ntf_0000000000000/attempts": "GET",
    "/v1/notifications/ntf_0000000000000/redeliver": "POST", "/v1/notifications/ntf_0000000000000/cancel": "POST",
    "/v1/redeliveries": "GET POST", "/v1/redeliveries/1": "GET", "/v1/redeliveries/1/cancel": "POST",
    "/v1/receivers": "GET POST", "/v1/receivers/nobody": "GET PUT PATCH DELETE", "/v1/receivers/nobody/pause": "POST",
    "/v1/receivers/nobody/resume": "POST", "/v1/receivers/nobody/secrets": "POST", "/v1/receivers/nobody/test": "POST",
    "/v1/bindings": "GET", "/v1/bindings/nobody": "GET PUT DELETE", "/v1/ladders": "GET", "/v1/ladders/preview": "GET",
    "/v1/whoami": "GET"}


@pytest.mark.parametrize("path", SERVED)
def test_methods(notifier, path):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "STRANGE"):
        if method in SERVED[path].split():
            continue
        answer = notifier.call(method, path)
        assert answer.status in (405, 501), f"{method} {path}: {answer}"
        if answer.status == 405:
            allowed = {word.strip() for word in answer.header("Allow").split(",")}
            assert set(SERVED[path].split()) <= allowed and method not in allowed


def test_paths(notifier):
    for path in ("/v1/", "/v1/nothing", "/v1/notifications/", "/v1/receivers//pause", "/v1/notifications/a/b/c/d",
                 "/v1/receivers/%00", "/v1/receivers/a%2Fb", "/v1/receivers/..%2f..%2fetc", "/v1/receivers/" + "x" * 5000):
        assert notifier.call("GET", path).status in (400, 404, 414, 422), path


@pytest.mark.parametrize("query", [
    "limit=0", "limit=1001", "limit=x", "limit=-1", "cursor=x", "cursor=%01", "cursor=" + "x" * 600,
    "state=happy", "reason=bored", "acceptedFrom=x", "acceptedTo=-1", "acceptedFrom=99999999999999999999",
    "receiver=" + "x" * 256, "txNo=" + "x" * 256])
def test_queries(notifier, query):
    answer = notifier.call("GET", f"/v1/notifications?{query}")
    assert answer.status in (400, 422), answer
    name = query.split("=")[0]
    assert name in answer.json.get("field", "") + answer.json.get("detail", ""), answer


def test_an_unknown_receiver_in_a_query(notifier):
    answer = notifier.call("GET", "/v1/notifications?receiver=nobody")
    assert answer.status == 404 or (answer.status == 200 and answer.json["items"] == [])


@pytest.mark.parametrize("name", ["a b", "a/b", "é", "x" * 256, ".." + "/x"])
def test_receiver_names(notifier, name):
    from urllib.parse import quote
    answer = notifier.call("PUT", f"/v1/receivers/{quote(name, safe='')}", {"url": "http://127.0.0.1:9/"})
    assert answer.status in (400, 404, 422), answer
    assert notifier.call("POST", "/v1/receivers", {"name": name, "url": "http://127.0.0.1:9/"}).status in INVALID


def test_openapi_is_served(notifier):
    answer = notifier.call("GET", "/openapi.yaml")
    assert answer.status == 200 and answer.body.startswith(b"# SPDX") or answer.body.startswith(b"openapi"), answer
    for path in ("/v1/notifications:", "/v1/receivers/{name}/secrets:", "/v1/redeliveries/{job}/cancel:"):
        assert path.encode() in answer.body


# ---- nothing unknown is passed over ----
QUERIES = {
    "/v1/notifications": "receiver state reason source type txNo acceptedFrom acceptedTo limit cursor",
    "/v1/notifications/ntf_0000000000000/attempts": "limit cursor", "/v1/redeliveries": "limit cursor", "/v1/receivers": "limit cursor",
    "/v1/ladders/preview": "ladder start limit"}


@pytest.mark.parametrize("path", [path for path, methods in SERVED.items() if "GET" in methods] + ["/openapi.yaml"])
def test_unknown_parameters(notifier, path):
    """A mistyped filter is told, with those that there are; it never lists everything."""
    for query in ("recevier=x", "Limit=1", "limit=1&colour", "%6cimits=3", "=1"):
        answer = notifier.call("GET", f"{path}?{query}")
        assert answer.status == 400, (query, answer)
        for name in QUERIES.get(path, "limit" if "limit=1&" in query else "none").split():
            assert name in answer.json["detail"]
    assert notifier.call("GET", f"{path}?recevier=x").json["field"] == "recevier"


def test_unknown_parameters_of_changes(notifier):
    for method, path in [(method, path) for path, methods in SERVED.items() for method in methods.split() if method != "GET"]:
        answer = notifier.call(method, f"{path}?dryRun=true", {})
        assert answer.status == 400 and answer.json["field"] == "dryRun", (method, path, answer)


@pytest.mark.parametrize("query", ["limit=1&limit=1", "receiver=a&limit=1&receiver=b"])
def test_a_parameter_twice(notifier, query):
    answer = notifier.call("GET", f"/v1/notifications?{query}")
    assert answer.status == 400 and "twice" in answer.json["detail"] and answer.json["field"] == query.split("=")[0], answer


def test_strange_parameters(notifier):
    for query in ("x" * 3000, "a%0d%0ab=1", "%ff=1", "a=1&" * 100):
        assert notifier.call("GET", f"/v1/notifications?{query}").status in (400, 414, 431)
    assert notifier.call("GET", "/v1/notifications?").status == 200


BODIES = [
    ("POST", "/v1/notifications", {"source": "s", "type": "t", "txNo": "x", "recevier": ["a"]}),
    ("POST", "/v1/notifications", {"notifications": [], "dry": 1}),
    ("POST", "/v1/notifications/ntf_0000000000000/redeliver", {"lader": "1m"}),
    ("POST", "/v1/redeliveries", {"recevier": "x"}), ("POST", "/v1/redeliveries", {"txNo": "x"}),
    ("POST", "/v1/receivers", {"name": "u", "url": "http://127.0.0.1:9/", "colour": 1}),
    ("PUT", "/v1/receivers/u", {"url": "http://127.0.0.1:9/", "breaker": {"colour": 1}}),
    ("PUT", "/v1/receivers/u", {"url": "http://127.0.0.1:9/", "signature": {"colour": 1}}),
    ("PUT", "/v1/receivers/u", {"url": "http://127.0.0.1:9/", "ack": {"colour": 1}}),
    ("PATCH", "/v1/receivers/known", {"colour": 1}), ("POST", "/v1/receivers/known/secrets", {"colour": 1}),
    ("PUT", "/v1/bindings/u", {"topic": "t", "group": "g", "colour": 1})]


@pytest.mark.parametrize("method, path, body", BODIES)
def test_unknown_members(notifier, method, path, body):
    notifier.receiver("http://127.0.0.1:9/", name="known")
    answer = notifier.call(method, path, body)
    wrong = next(name for name in ("recevier", "dry", "lader", "colour", "txNo") if name in str(body))
    assert answer.status == 400 and wrong in answer.json["detail"] + answer.json.get("field", ""), answer
    assert notifier.call("GET", "/v1/receivers/u").status == 404 and notifier.call("GET", "/v1/bindings/u").status == 404


def test_a_job_for_nobody_is_none_for_all(notifier):
    """What a script makes of a variable that is not set."""
    notifier.refused(400, "POST", "/v1/redeliveries", {"receiver": ""}, field="receiver")
    assert notifier.good("GET", "/v1/redeliveries")["items"] == []
