# SPDX-License-Identifier: Apache-2.0
"""Fault of a peer (Outpost, measured: 85 of 8,000 never retried again): a receiver that fails fast makes the deletion
of one retry meet the making of the next, and a notification is never tried again. Also hookdeck/outpost #663 and
frain-dev/convoy #1833: retries without end, attempts that are not on record."""
import collections

import pytest
from client import wait_until
from notifier import ALLOW
from receivers import by_attempt, ok, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
COUNT = 4000


def test_every_one_is_tried_again(notifier, sink):
    sink.on("/fast", by_attempt(status(500), status(500), ok()))
    name = notifier.receiver(sink.url("/fast"), ladder="1ms 1ms", breaker={"failures": 0}, inFlight=128)
    for first in range(0, COUNT, 1000):
        items = [{"source": "s", "type": "t", "txNo": str(number), "receivers": [name], "payload": number} for number in range(first, first + 1000)]
        assert notifier.call("POST", "/v1/notifications", {"notifications": items}).status == 202
    wait_until(lambda: notifier.show(name)["waiting"] == 0, 240, "all of them ended")
    rows = notifier.list(receiver=name, limit=1000)
    assert len(rows) == COUNT
    assert collections.Counter((one["state"], one["attempts"]) for one in rows) == {("delivered", 3): COUNT}
    arrived = collections.Counter(one.id for one in sink.got("/fast"))
    assert set(arrived.values()) == {3} and len(arrived) == COUNT
