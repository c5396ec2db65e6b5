# SPDX-License-Identifier: Apache-2.0
"""Redelivery of one: a new course with the same id and bytes; cancelling ends one that waits."""
import pytest
from notifier import ALLOW, INVALID, Notifier, check_climb, check_dead
from receivers import hang, ok, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def redeliver(notifier, id, body=None):
    return notifier.call("POST", f"/v1/notifications/{id}/redeliver", body)


def test_a_dead_one(notifier, sink):
    sink.on("/a", status(500), status(500), ok())
    name = notifier.receiver(sink.url("/a"), ladder="10ms")
    id = notifier.raw(name, b"exactly\x00")
    check_dead(notifier.wait(id, "dead"), "ladder")
    answer = redeliver(notifier, id)
    assert answer.status == 202 and answer.json["id"] == id
    found = notifier.wait(id, "delivered")
    requests = sink.wait(3, "/a")
    assert found["attempts"] == 3 and "reason" not in found
    assert [one.attempt for one in requests] == [1, 2, 3]
    assert {one.id for one in requests} == {id} and {one.body for one in requests} == {b"exactly\x00"}
    assert [one["number"] for one in notifier.attempts(id)] == [1, 2, 3]  # the first course's too


def test_a_new_course(notifier, sink):
    """The ladder begins anew, from its first rung, and the window counts from the new course."""
    sink.on("/b", status(500))
    id = notifier.submit(notifier.receiver(sink.url("/b"), ladder="10ms 20ms; window=1h"))
    notifier.wait(id, "dead")
    redeliver(notifier, id)
    notifier.wait_attempts(id, 6)
    check_dead(notifier.wait(id, "dead"), "ladder")
    attempts = notifier.attempts(id)
    assert len(attempts) == 6 and "nextDueAt" not in attempts[2]
    for place, rung in ((0, 10), (1, 20), (3, 10), (4, 20)):
        assert attempts[place]["nextDueAt"] >= attempts[place]["begunAt"] + rung


def test_another_ladder(notifier, sink):
    sink.on("/c", status(500))
    id = notifier.submit(notifier.receiver(sink.url("/c"), ladder="1ms"))
    notifier.wait(id, "dead")
    assert redeliver(notifier, id, {"ladder": "5h"}).status == 202
    last = notifier.wait_attempts(id, 3)[-1]
    assert last["nextDueAt"] >= last["begunAt"] + 5 * 3_600_000
    assert notifier.get(id)["ladder"].startswith("5h")
    assert redeliver(notifier, id, {"ladder": "5x"}).status in INVALID
    assert redeliver(notifier, id, {"colour": "red"}).status in INVALID


def test_a_delivered_one(notifier, sink):
    id = notifier.submit(notifier.receiver(sink.url("/d")))
    notifier.wait(id, "delivered")
    assert redeliver(notifier, id).status == 202
    first, second = sink.wait(2, "/d")
    assert first.id == second.id and first.body == second.body and second.attempt == 2
    notifier.wait(id, "delivered")


def test_not_finished(notifier, sink):
    sink.on("/e", hang())
    out = notifier.submit(notifier.receiver(sink.url("/e"), timeoutMs=300_000))
    waits = notifier.submit(notifier.receiver(sink.url("/e2")), dueAt=1 << 41)
    sink.wait(1, "/e")
    assert redeliver(notifier, out).status == 409 and redeliver(notifier, waits).status == 409
    assert redeliver(notifier, "ntf_0000000000000").status == 404
    assert len(sink.got("/e")) == 1


def test_of_a_retired_receiver(notifier, sink):
    name = notifier.receiver(sink.url("/f"))
    id = notifier.submit(name)
    notifier.wait(id, "delivered")
    notifier.good("DELETE", f"/v1/receivers/{name}")
    assert redeliver(notifier, id).status == 409


def test_cancel(notifier, sink):
    name = notifier.receiver(sink.url("/g"), ladder="1h")
    waits = notifier.submit(name, dueAt=1 << 41)
    answer = notifier.call("POST", f"/v1/notifications/{waits}/cancel")
    assert answer.status == 200 and answer.json["id"] == waits
    found = notifier.get(waits)
    assert found["state"] == "cancelled" and "dueAt" not in found and found["finishedAt"]
    assert notifier.call("POST", f"/v1/notifications/{waits}/cancel").status == 409
    delivered = notifier.submit(name)
    notifier.wait(delivered, "delivered")
    assert notifier.call("POST", f"/v1/notifications/{delivered}/cancel").status == 409
    notifier.refused(404, "POST", "/v1/notifications/ntf_0000000000000/cancel")


def test_cancel_on_the_ladder(notifier, sink):
    sink.on("/h", status(500))
    id = notifier.submit(notifier.receiver(sink.url("/h"), ladder="1h"))
    notifier.wait_attempts(id, 1)
    assert notifier.call("POST", f"/v1/notifications/{id}/cancel").status == 200
    assert notifier.get(id)["state"] == "cancelled" and len(notifier.attempts(id)) == 1
    sink.on("/h", ok())
    assert redeliver(notifier, id).status == 202  # a cancelled one is finished
    notifier.wait(id, "delivered")


def test_durable(own_server, sink):
    sink.on("/i", status(500), status(500), hang(), ok())
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/i"), ladder="1ms")
    id, cancelled = api.submit(name), api.submit(api.receiver(sink.url("/never")), dueAt=1 << 41)
    api.wait(id, "dead")
    api.good("POST", f"/v1/receivers/{name}/pause")
    api.good("POST", f"/v1/notifications/{cancelled}/cancel")
    assert redeliver(api, id).status == 202
    server.restart(kill9=True)
    assert api.get(id)["state"] == "waiting" and api.get(cancelled)["state"] == "cancelled"
    sink.on("/i", ok())
    api.good("POST", f"/v1/receivers/{name}/resume")
    api.wait(id, "delivered")


def test_attempts_climb_in_each_course(notifier, sink):
    sink.on("/j", status(500))
    id = notifier.submit(notifier.receiver(sink.url("/j"), ladder="5ms 5ms"))
    check_dead(notifier.wait(id, "dead"), "ladder")
    check_climb(notifier.attempts(id), [5, 5])
