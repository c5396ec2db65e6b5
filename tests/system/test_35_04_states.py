# SPDX-License-Identifier: Apache-2.0
"""Receivers are paused, resumed, retired and tried; nothing that waits gets lost by it."""
import pytest
from notifier import ALLOW, Notifier
from receivers import hang, json_body, ok, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def test_pause_and_resume(notifier, sink):
    name = notifier.receiver(sink.url("/a"))
    assert notifier.good("POST", f"/v1/receivers/{name}/pause")["state"] == "paused"
    ids = [notifier.submit(name) for _ in range(10)]
    other = notifier.receiver(sink.url("/other"))
    notifier.wait(notifier.submit(other), "delivered")
    assert sink.got("/a") == [] and {notifier.get(id)["state"] for id in ids} == {"waiting"}
    assert notifier.show(name)["waiting"] == 10
    assert notifier.good("POST", f"/v1/receivers/{name}/resume")["state"] == "active"
    for id in ids:
        assert notifier.wait(id, "delivered")["attempts"] == 1


def test_pause_between_attempts(notifier, sink):
    """What climbs its ladder when it is paused goes on after it, on its own rungs."""
    sink.on("/b", status(500), ok())
    name = notifier.receiver(sink.url("/b"), ladder="200ms 1h")
    id = notifier.submit(name)
    notifier.wait_attempts(id, 1)
    notifier.good("POST", f"/v1/receivers/{name}/pause")
    seen = len(sink.got("/b"))
    notifier.good("POST", f"/v1/receivers/{name}/pause")  # twice is as good as once
    if seen == 1:
        notifier.good("POST", f"/v1/receivers/{name}/resume")
    assert notifier.wait(id, "delivered")["attempts"] == 2


def test_paused_over_kill(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/c"))
    api.good("POST", f"/v1/receivers/{name}/pause")
    id = api.submit(name)
    server.restart(kill9=True)
    assert api.show(name)["state"] == "paused" and api.get(id)["state"] == "waiting"
    other = api.submit(api.receiver(sink.url("/other")))
    api.wait(other, "delivered")
    assert sink.got("/c") == []
    api.good("POST", f"/v1/receivers/{name}/resume")
    api.wait(id, "delivered")


def test_retire(notifier, sink):
    sink.on("/d", hang())
    name = notifier.receiver(sink.url("/d"), inFlight=1, timeoutMs=300_000)
    done = notifier.receiver(sink.url("/done"))
    ids = [notifier.submit(name) for _ in range(5)]
    finished = notifier.submit(done)
    notifier.wait(finished, "delivered")
    sink.wait(1, "/d")
    for retired in (name, done):
        assert notifier.call("DELETE", f"/v1/receivers/{retired}").status == 204
    waiting = [id for id in ids if id != sink.got("/d")[0].id]
    for id in waiting:
        found = notifier.wait(id, "cancelled")
        assert found["receiver"] == name and found["attempts"] == 0
    assert notifier.get(finished)["state"] == "delivered"
    answer = notifier.call("POST", "/v1/notifications", {"source": "s", "type": "t", "txNo": "late", "receivers": [name], "payload": 1})
    assert answer.status in (404, 409, 422), answer
    assert name not in [one["name"] for one in notifier.pages("/v1/receivers")]
    for method, path in (("GET", ""), ("PATCH", ""), ("POST", "/pause"), ("POST", "/test")):
        assert notifier.call(method, f"/v1/receivers/{name}{path}", {} if method == "PATCH" else None).status in (404, 409)
    assert notifier.call("DELETE", f"/v1/receivers/{name}").status == 404


def test_a_name_again(notifier, sink):
    """The name of a retired one may be given again, or is refused for good; what belonged to the old one stays its own."""
    name = notifier.receiver(sink.url("/old"), name="again")
    old = notifier.submit(name)
    notifier.wait(old, "delivered")
    notifier.good("DELETE", f"/v1/receivers/{name}")
    answer = notifier.call("PUT", f"/v1/receivers/{name}", {"url": sink.url("/new")})
    assert answer.status in (201, 409), answer
    if answer.status == 201:
        notifier.wait(notifier.submit(name), "delivered")
        assert len(sink.got("/old")) == 1 and len(sink.got("/new")) == 1
    assert notifier.get(old)["state"] == "delivered"


def test_test_send(notifier, sink):
    sink.on("/e", json_body({"code": "OK"}), json_body({"code": "NO"}))
    name = notifier.receiver(sink.url("/e"), ack={"json": {"pointer": "/code", "equals": "OK"}}, headers={"X-A": "b"})
    made = notifier.good("POST", f"/v1/receivers/{name}/test", b"\x00any", content_type="application/x-thing")
    assert made["taken"] is True and made["status"] == 200 and made["errorClass"] == "none" and "OK" in made["reply"]
    again = notifier.good("POST", f"/v1/receivers/{name}/test")
    assert again["taken"] is False and again["status"] == 200 and again["error"]
    first, second = sink.wait(2, "/e")
    assert first.body == b"\x00any" and first.header("content-type") == "application/x-thing" and first.header("x-a") == "b"
    assert second.body.startswith(b"{") and second.header("content-type").startswith("application/json")
    assert first.id and first.id != second.id
    assert notifier.list(receiver=name) == []  # not on record


def test_test_send_of_a_paused_one(notifier, sink):
    name = notifier.receiver(sink.url("/f"))
    notifier.good("POST", f"/v1/receivers/{name}/pause")
    assert notifier.good("POST", f"/v1/receivers/{name}/test")["taken"] is True
    assert notifier.show(name)["state"] == "paused"


def test_test_send_that_fails(notifier, sink):
    sink.on("/g", hang())
    name = notifier.receiver(sink.url("/g"), timeoutMs=300)
    made = notifier.good("POST", f"/v1/receivers/{name}/test")
    assert made["taken"] is False and made["errorClass"] == "timeout" and "status" not in made
    assert notifier.good("POST", f"/v1/receivers/{notifier.receiver('http://127.0.0.1:9/')}/test")["errorClass"] == "connect"


def test_unknown(notifier):
    for path in ("pause", "resume", "test"):
        notifier.refused(404, "POST", f"/v1/receivers/nobody/{path}")
    notifier.refused(404, "GET", "/v1/receivers/nobody")
    notifier.refused(404, "DELETE", "/v1/receivers/nobody")
    notifier.refused(404, "PATCH", "/v1/receivers/nobody", {"timeoutMs": 5000})
