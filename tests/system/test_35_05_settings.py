# SPDX-License-Identifier: Apache-2.0
"""Receivers' settings: made, replaced, merged, guarded by versions, kept, used by the next attempt."""
import concurrent.futures

import pytest
from notifier import ALLOW, Notifier
from receivers import ok, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
URL = "http://127.0.0.1:9/"


def test_create(notifier):
    answer = notifier.call("POST", "/v1/receivers", {"name": "made", "url": URL, "timeoutMs": 5000})
    assert answer.status == 201, answer
    view = answer.json
    assert view["name"] == "made" and view["version"] == 1 and view["state"] == "active"
    assert view["settings"]["url"] == URL and view["settings"]["timeoutMs"] == 5000
    assert view["settings"]["inFlight"] == 64 and view["settings"]["ladder"] == "article"  # defaults are shown
    notifier.refused(409, "POST", "/v1/receivers", {"name": "made", "url": URL})
    assert notifier.show("made") == {**notifier.show("made"), "version": 1}
    notifier.invalid("POST", "/v1/receivers", {"url": URL}, field="name")
    notifier.invalid("POST", "/v1/receivers", {"name": "x"}, field="url")


def test_put(notifier):
    assert notifier.call("PUT", "/v1/receivers/put", {"url": URL, "inFlight": 3}).status == 201
    answer = notifier.call("PUT", "/v1/receivers/put", {"url": URL})
    assert answer.status == 200 and answer.json["version"] == 2
    assert answer.json["settings"]["inFlight"] == 64  # replaced as a whole


def test_patch(notifier):
    notifier.good("PUT", "/v1/receivers/patch", {"url": URL, "inFlight": 3, "headers": {"a": "1", "b": "2"}, "types": ["x"]})
    answer = notifier.call("PATCH", "/v1/receivers/patch", {"timeoutMs": 7000, "headers": {"a": None, "c": "3"}, "inFlight": None, "types": ["y"]},
                           content_type="application/merge-patch+json")
    assert answer.status == 200, answer
    settings = answer.json["settings"]
    assert settings["timeoutMs"] == 7000 and settings["headers"] == {"b": "2", "c": "3"}
    assert settings["inFlight"] == 64 and settings["types"] == ["y"] and settings["url"] == URL
    notifier.invalid("PATCH", "/v1/receivers/patch", {"url": None}, field="url")
    for wrong in ([], 7, None, "x"):
        assert notifier.call("PATCH", "/v1/receivers/patch", __import__("json").dumps(wrong), content_type="application/json").status in (400, 422)
    assert notifier.show("patch")["settings"] == settings and notifier.show("patch")["version"] == 2


def test_versions(notifier):
    notifier.good("PUT", "/v1/receivers/guarded", {"url": URL})
    assert notifier.call("PATCH", "/v1/receivers/guarded", {"timeoutMs": 100}, headers={"If-Match": '"1"'}).status == 200
    for method, body in (("PATCH", {"timeoutMs": 200}), ("PUT", {"url": URL})):
        answer = notifier.call(method, "/v1/receivers/guarded", body, headers={"If-Match": '"1"'})
        assert answer.status in (409, 412), answer
        assert notifier.call(method, "/v1/receivers/guarded", body, headers={"If-Match": "what"}).status in (400, 412, 422)
    # What is wrong in itself is told before any precondition; what is right has nothing to match.
    for body, wanted in (({"url": "http://127.0.0.1:9/"}, 412), ({"url": 1}, 400), ({"url": "http://127.0.0.1:9/", "colour": 1}, 400), ("x", 400)):
        answer = notifier.call("PUT", "/v1/receivers/missing", body, headers={"If-Match": "*"}, content_type="application/json")
        assert answer.status == wanted, answer
    assert notifier.show("guarded")["settings"]["timeoutMs"] == 100


def test_one_of_many_changes_wins(server):
    api = Notifier(server)
    api.good("PUT", "/v1/receivers/raced", {"url": URL})

    def change(number):
        return Notifier(server).call("PATCH", "/v1/receivers/raced", {"timeoutMs": 1000 + number}, headers={"If-Match": '"1"'}).status
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(change, range(8)))
    assert statuses.count(200) == 1 and set(statuses) <= {200, 409, 412}


def test_created_once(server):
    def create(number):
        return Notifier(server).call("POST", "/v1/receivers", {"name": "once", "url": URL, "timeoutMs": 1000 + number}).status
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(create, range(8)))
    assert sorted(statuses) == [201] + [409] * 7


def test_the_next_attempt_uses_them(notifier, sink):
    sink.on("/old", status(500))
    name = notifier.receiver(sink.url("/old"), ladder="1500ms*", breaker={"failures": 0})
    id = notifier.submit(name)
    sink.wait(1, "/old")
    notifier.good("PATCH", f"/v1/receivers/{name}", {"url": sink.url("/new")})
    assert sink.wait(1, "/new")[0].id == id
    notifier.wait(id, "delivered")


def test_kept(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    whole = {"types": ["a.*"], "ladder": "1s 2s; limit=9", "attemptLimit": 3, "windowMs": 60_000, "timeoutMs": 1234, "inFlight": 7, "ratePerSecond": 9,
             "burst": 4, "headers": {"X": "y"}, "ack": {"status": "200-202"}, "breaker": {"failures": 4, "probeMs": 100, "probeMaxMs": 200}}
    name = api.receiver(sink.url("/kept"), **whole)
    before = api.show(name)
    assert {key: before["settings"][key] for key in whole if key != "ack"} == {key: value for key, value in whole.items() if key != "ack"}
    server.restart(kill9=True)
    after = api.show(name)
    assert after["settings"] == before["settings"] and after["version"] == before["version"]


def test_shown_settings_are_taken(notifier, sink):
    """What GET shows, without what is written only, is a document that PUT takes, and it means the same."""
    name = notifier.receiver(sink.url("/shown"), types=["a"], ack={"json": {"pointer": "/x", "equals": 1}}, soap={"version": "1.1", "action": "z"})
    shown = {key: value for key, value in notifier.show(name)["settings"].items() if key not in ("secrets", "auth", "tls")}
    assert notifier.call("PUT", f"/v1/receivers/{name}", shown).status == 200
    again = notifier.show(name)["settings"]
    assert {key: again[key] for key in shown} == shown


def test_listed(notifier):
    for number in range(25):
        notifier.receiver(URL, name=f"list-{number:02}")
    found = [one["name"] for one in notifier.pages("/v1/receivers", limit=10)]
    assert found == sorted(found) and {f"list-{number:02}" for number in range(25)} <= set(found)
    assert len(found) == len(set(found))


def test_a_document_too_large(notifier):
    answer = notifier.call("PUT", "/v1/receivers/large", {"url": URL, "headers": {"x": "y" * 300_000}})
    assert answer.status in (413, 422)
    assert notifier.call("GET", "/v1/receivers/large").status == 404


def test_fixed_receiver_is_delivered_to(notifier, sink):
    """Settings that make attempts impossible are mended, and what waited goes out."""
    sink.on("/mended", ok())
    name = notifier.receiver(URL, ladder="300ms*", breaker={"failures": 0})
    id = notifier.submit(name)
    notifier.wait_attempts(id, 1)
    notifier.good("PATCH", f"/v1/receivers/{name}", {"url": sink.url("/mended")})
    notifier.wait(id, "delivered")
