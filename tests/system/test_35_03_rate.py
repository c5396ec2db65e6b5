# SPDX-License-Identifier: Apache-2.0
"""ratePerSecond and burst: no more than that arrives in any stretch of time, and nothing is lost by waiting."""
import pytest
from notifier import ALLOW
from receivers import status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def most_in(times_ms, stretch_ms):
    return max(sum(1 for other in times_ms if 0 <= other - first < stretch_ms) for first in times_ms)


@pytest.mark.parametrize("rate,burst,count", [(20, 1, 50), (20, 10, 60), (50, None, 120)])
def test_rate(notifier, sink, rate, burst, count):
    path = f"/rate{rate}-{burst}"
    more = {} if burst is None else {"burst": burst}
    name = notifier.receiver(sink.url(path), ratePerSecond=rate, **more)
    items = [{"source": "s", "type": "t", "txNo": f"{path} {n}", "receivers": [name], "payload": n} for n in range(count)]
    assert notifier.call("POST", "/v1/notifications", {"notifications": items}).status == 202
    requests = sink.wait(count, path)
    begun = sorted(notifier.wait_attempts(one.id, 1)[0]["begunAt"] for one in requests)
    allowed = (burst or rate) + rate + 1  # a bucket full, what a second fills in, and one that is being rounded
    assert most_in(begun, 1000) <= allowed
    assert begun[-1] - begun[0] >= (count - (burst or rate) - 1) * 1000 / rate * 0.9


def test_retries_count_too(notifier, sink):
    sink.on("/retries", status(500))
    name = notifier.receiver(sink.url("/retries"), ratePerSecond=10, burst=1, ladder="1ms*20", breaker={"failures": 0})
    notifier.wait(notifier.submit(name), "dead", within_s=120)
    begun = [one["begunAt"] for one in notifier.attempts(notifier.list(receiver=name)[0]["id"])]
    assert len(begun) == 21 and begun[-1] - begun[0] >= 20 * 100 * 0.9


def test_others_are_not_slowed(notifier, sink):
    slow, fast = notifier.receiver(sink.url("/slow"), ratePerSecond=1, burst=1), notifier.receiver(sink.url("/fast"))
    items = [{"source": "s", "type": "t", "txNo": f"slow {n}", "receivers": [slow], "payload": n} for n in range(1000)]
    assert notifier.call("POST", "/v1/notifications", {"notifications": items}).status == 202
    for id in [notifier.submit(fast) for _ in range(50)]:
        notifier.wait(id, "delivered")
    assert notifier.show(slow)["waiting"] > 0
