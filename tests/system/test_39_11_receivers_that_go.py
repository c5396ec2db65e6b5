# SPDX-License-Identifier: Apache-2.0
"""Faults of peers: the task of an endpoint that was deleted fails again and again and holds a worker (Svix #1511), a
stale copy of an endpoint's settings is used (Convoy PR #1788), manual redelivery is swallowed by the sender's own
idempotency key (Outpost PR #670), failures of names and 4xx are given up instead of tried again (Outpost #571)."""
import pytest
from client import wait_until
from notifier import ALLOW, check_climb
from receivers import hang, ok, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def test_deleted_while_many_wait(notifier, sink):
    sink.on("/deleted", status(500))
    name = notifier.receiver(sink.url("/deleted"), ladder="300ms*", breaker={"failures": 0})
    ids = [notifier.submit(name) for _ in range(50)]
    sink.wait(50, "/deleted")
    notifier.good("DELETE", f"/v1/receivers/{name}")
    for id in ids:
        notifier.wait(id, "cancelled")
    seen = len(sink.got("/deleted"))
    fine = notifier.receiver(sink.url("/fine"))
    for _ in range(3):
        notifier.wait(notifier.submit(fine, dueAt=notifier.get(ids[0])["finishedAt"] + 700), "delivered")
    assert len(sink.got("/deleted")) == seen
    wait_until(lambda: notifier.metrics()["tidings_notify_in_flight"] == 0)


def test_deleted_while_it_is_out(notifier, sink):
    sink.on("/out", hang())
    name = notifier.receiver(sink.url("/out"), timeoutMs=700)
    id = notifier.submit(name)
    sink.wait(1, "/out")
    notifier.good("DELETE", f"/v1/receivers/{name}")
    wait_until(lambda: notifier.get(id)["state"] in ("cancelled", "dead"))
    assert notifier.attempts(id) is not None


def test_new_settings_at_once(notifier, sink):
    name = notifier.receiver(sink.url("/one"))
    for number in range(20):
        notifier.good("PATCH", f"/v1/receivers/{name}", {"url": sink.url(f"/turn{number}")})
        id = notifier.submit(name)
        notifier.wait(id, "delivered")
        assert [one.id for one in sink.got(f"/turn{number}")] == [id]


def test_redelivered_as_often_as_asked(notifier, sink):
    id = notifier.submit(notifier.receiver(sink.url("/again")), tx_no="again")
    for count in range(1, 6):
        sink.wait(count, "/again")
        notifier.wait(id, "delivered")
        assert notifier.call("POST", f"/v1/notifications/{id}/redeliver").status == 202
    assert [one.attempt for one in sink.wait(6, "/again")] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 415, 422])
def test_4xx_is_tried_again(notifier, sink, code):
    sink.on(f"/{code}", status(code), ok())
    id = notifier.submit(notifier.receiver(sink.url(f"/{code}"), ladder="10ms"))
    assert notifier.wait(id, "delivered")["attempts"] == 2


def test_dns_is_tried_again(notifier):
    id = notifier.submit(notifier.receiver("http://no-such-name.invalid/", ladder="10ms 20ms 1h", breaker={"failures": 0}))
    attempts = notifier.wait_attempts(id, 3)
    assert {one["errorClass"] for one in attempts} == {"dns"}
    check_climb(attempts, [10, 20, 3_600_000])
