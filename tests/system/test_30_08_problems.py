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
