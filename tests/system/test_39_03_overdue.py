# SPDX-License-Identifier: Apache-2.0
"""Fault of a peer (frain-dev/convoy #1667, #1811): retries stop when their time lies in the past, after an outage of the
server that was longer than the delay."""
import time

import pytest
from notifier import ALLOW, Notifier, check_climb, now_ms
from receivers import ok, status

pytestmark = pytest.mark.ours


def test_overdue_at_the_start(own_server, sink):
    sink.on("/overdue", status(500))
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/overdue"), ladder="1500ms 1h", breaker={"failures": 0})
    ids = [api.submit(name) for _ in range(20)]
    attempts = [api.wait_attempts(id, 1)[0] for id in ids]
    server.kill9()
    sink.on("/overdue", ok())
    while now_ms() <= max(one["nextDueAt"] for one in attempts):  # it is down until all are overdue
        time.sleep(0.05)
    server.start()
    for id in ids:
        assert api.wait(id, "delivered")["attempts"] <= 3
        check_climb(api.attempts(id)[:1], [1500])


def test_an_old_due_time(own_server, sink):
    """Years ago is now."""
    api = Notifier(own_server(ALLOW))
    api.wait(api.submit(api.receiver(sink.url("/old")), dueAt=1), "delivered")
