# SPDX-License-Identifier: Apache-2.0
"""Fault of peers (Svix PR #2181, endatix #956): a lease or a queue's time-out shorter than the request's makes duplicates
of whatever is slow. Ours outlasts the longest attempt: a receiver that answers late in its time is asked once."""
import pytest
from notifier import ALLOW
from receivers import slow

pytestmark = [pytest.mark.ours, pytest.mark.slow]
FLAGS = (ALLOW,)


def test_asked_once(notifier, sink):
    sink.on("/slow", slow(40))  # longer than the usual leases of 30 s
    name = notifier.receiver(sink.url("/slow"), timeoutMs=120_000, ladder="10ms*")
    ids = [notifier.submit(name) for _ in range(5)]
    for id in ids:
        assert notifier.wait(id, "delivered", within_s=150)["attempts"] == 1
    assert len(sink.got("/slow")) == 5
    assert notifier.metrics()["tidings_notify_stale_total"] == 0
