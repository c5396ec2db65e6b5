# SPDX-License-Identifier: Apache-2.0
"""The ladder: each failure's next time on record is the ladder's; it ends with its reason."""
import pytest
from notifier import ALLOW, check_climb, check_dead
from receivers import hang, ok, reset, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
S, M, H = 1000, 60_000, 3_600_000
PRESETS = {
    "article": [1 * M, 5 * M, 10 * M, 30 * M, 1 * H, 2 * H, 5 * H, 10 * H],
    "wechat": [15 * S, 15 * S, 30 * S, 3 * M, 10 * M, 20 * M, 30 * M, 30 * M, 30 * M, 60 * M, 3 * H, 3 * H, 3 * H, 6 * H, 6 * H],
    "alipay": [4 * M, 10 * M, 10 * M, 1 * H, 2 * H, 6 * H, 15 * H],
}


def test_climb_to_the_end(notifier, sink):
    sink.on("/a", status(500))
    rungs = [50, 100, 150, 200]
    id = notifier.submit(notifier.receiver(sink.url("/a"), ladder="50ms 100ms 150ms 200ms"))
    check_dead(notifier.wait(id, "dead"), "ladder")
    attempts = notifier.attempts(id)
    assert len(attempts) == 5
    check_climb(attempts, rungs)
    requests = sink.wait(5, "/a")
    assert [one.attempt for one in requests] == [1, 2, 3, 4, 5]
    for before, after in zip(attempts, requests[1:]):
        assert after.wall_ms >= before["nextDueAt"]  # by the receiver's own clock


@pytest.mark.parametrize("count", range(8))
def test_each_rung_of_the_article(notifier, sink, count):
    """Rung after rung: `count` short ones in front of the article's own number count + 1."""
    rung_ms = PRESETS["article"][count]
    sink.on(f"/rung{count}", status(500))
    ladder = " ".join(["10ms"] * count + [f"{rung_ms}ms"])
    id = notifier.submit(notifier.receiver(sink.url(f"/rung{count}"), ladder=ladder))
    attempts = notifier.wait_attempts(id, count + 1)
    check_climb(attempts, [10] * count + [rung_ms])
    found = notifier.get(id)
    assert found["state"] == "waiting" and found["dueAt"] == attempts[-1]["nextDueAt"]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets(notifier, sink, preset):
    sink.on(f"/{preset}", status(500))
    id = notifier.submit(notifier.receiver(sink.url(f"/{preset}"), ladder=preset))
    check_climb(notifier.wait_attempts(id, 1), PRESETS[preset][:1])
    plan = notifier.good("GET", f"/v1/ladders/preview?ladder={preset}&start=1000000")
    offsets = [sum(PRESETS[preset][:n]) for n in range(len(PRESETS[preset]) + 1)]
    assert [one["afterMs"] for one in plan["attempts"]] in (offsets, offsets[1:])
    assert all(one["at"] == 1000000 + one["afterMs"] for one in plan["attempts"])
    assert preset in {one["name"] for one in notifier.good("GET", "/v1/ladders")["items"]}


def test_the_default_is_the_article(notifier, sink):
    sink.on("/default", status(500))
    id = notifier.submit(notifier.receiver(sink.url("/default")))
    check_climb(notifier.wait_attempts(id, 1), [M])
    assert notifier.get(id)["ladder"].split(";")[0].strip() in ("article", "1m 5m 10m 30m 1h 2h 5h 10h")


def test_every_kind_of_failure_climbs(notifier, sink):
    sink.on("/kinds", reset(), hang(), status(404), status(200, "wrong"), status(200, "OK"))
    name = notifier.receiver(sink.url("/kinds"), ladder="10ms*", timeoutMs=5000, ack={"body": "OK"})
    id = notifier.submit(name)
    assert notifier.wait(id, "delivered")["attempts"] == 5
    attempts = notifier.attempts(id)
    assert [one["errorClass"] for one in attempts] == ["receive", "timeout", "http_4xx", "http_2xx", "none"]
    check_climb(attempts, [10] * 4)


def test_jitter_only_lengthens(notifier, sink):
    sink.on("/jitter", status(500))
    name = notifier.receiver(sink.url("/jitter"), ladder="1h; jitter=50%", breaker={"failures": 0})
    delays = []
    for id in [notifier.submit(name) for _ in range(20)]:
        [attempt] = notifier.wait_attempts(id, 1)
        delays.append(attempt["nextDueAt"] - attempt["begunAt"])
    assert all(H <= delay <= 1.5 * H + 60_000 for delay in delays)
    assert max(delays) - min(delays) > 60_000  # they differ


def test_repeated_rung(notifier, sink):
    sink.on("/repeat", status(500))
    id = notifier.submit(notifier.receiver(sink.url("/repeat"), ladder="10ms 20ms*3"))
    check_dead(notifier.wait(id, "dead"), "ladder")
    check_climb(notifier.attempts(id), [10, 20, 20, 20])


def test_one_of_its_own(notifier, sink):
    """A notification's ladder stands above its receiver's."""
    sink.on("/own", status(500))
    name = notifier.receiver(sink.url("/own"), ladder="1h")
    own, plain = notifier.submit(name, ladder="10ms 2h"), notifier.submit(name)
    check_climb(notifier.wait_attempts(own, 2), [10, 2 * H])
    check_climb(notifier.wait_attempts(plain, 1), [H])


def test_what_waits_keeps_its_ladder(notifier, sink):
    sink.on("/keeps", status(500))
    name = notifier.receiver(sink.url("/keeps"), ladder="1500ms 3h")
    before = notifier.submit(name)
    notifier.wait_attempts(before, 1)
    notifier.receiver(sink.url("/keeps"), name=name, ladder="5h")
    after = notifier.submit(name)
    check_climb(notifier.wait_attempts(after, 1), [5 * H])
    check_climb(notifier.wait_attempts(before, 2), [1500, 3 * H])


def test_taken_late(notifier, sink):
    sink.on("/late", *[status(500)] * 9, ok())
    id = notifier.submit(notifier.receiver(sink.url("/late"), ladder="5ms*9"))
    found = notifier.wait(id, "delivered")
    assert found["attempts"] == 10 and found["finishedAt"] >= notifier.attempts(id)[-1]["begunAt"]


@pytest.mark.parametrize("ladder", ["", "5x", "1m 2m 3y", "-1s", "1s; colour=red", "0*", "nothing", "400d", 7, [], "1s;limit=0x"])
def test_wrong_ladders(notifier, ladder):
    problem = notifier.invalid("PUT", "/v1/receivers/wrong", {"url": "http://127.0.0.1:9/", "ladder": ladder}, field="ladder")
    assert len(problem["detail"]) > 10
