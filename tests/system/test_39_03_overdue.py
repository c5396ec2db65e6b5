# SPDX-License-Identifier: Apache-2.0
"""Fault of a peer (frain-dev/convoy #1667, #1811): retries stop when their time lies in the past, after an outage of the
server that was longer than the delay."""
import pytest
from client import wait_until
from notifier import ALLOW, Notifier, check_climb, now_ms
from receivers import ok, status

pytestmark = pytest.mark.ours


def test_overdue_at_the_start(own_server, sink):
    sink.on("/overdue", status(500))
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/overdue"), ladder="1500ms*", breaker={"failures": 0})
    ids = [api.submit(name) for _ in range(20)]
    for id in ids:
        api.wait_attempts(id, 1)
    server.kill9()
    killed_ms = now_ms()
    sink.on("/overdue", ok())
    wait_until(lambda: now_ms() > killed_ms + 1500, what="all are overdue")
    server.start()
    for id in ids:
        api.wait(id, "delivered")
        attempts = api.attempts(id)
        assert [one.get("status") for one in attempts if one["begunAt"] > killed_ms] == [200]
        check_climb(attempts[:1], [1500])


def test_an_old_due_time(own_server, sink):
    """Years ago is now."""
    api = Notifier(own_server(ALLOW))
    api.wait(api.submit(api.receiver(sink.url("/old")), dueAt=1), "delivered")
