# SPDX-License-Identifier: Apache-2.0
"""How a ladder ends before its last rung: attempt limit, window; receivers' settings stand above the text."""
import pytest
from notifier import ALLOW, check_climb, check_dead
from receivers import busy, hang, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


@pytest.mark.parametrize("settings,attempts", [
    ({"ladder": "10ms*; limit=3"}, 4), ({"ladder": "10ms*", "attemptLimit": 2}, 3), ({"ladder": "10ms*; limit=9", "attemptLimit": 1}, 2),
    ({"ladder": "10ms*; limit=1", "attemptLimit": 3}, 4)])
def test_limit(notifier, sink, settings, attempts):
    sink.on("/limit", status(500))
    id = notifier.submit(notifier.receiver(sink.url("/limit"), **settings))
    check_dead(notifier.wait(id, "dead"), "limit")
    assert len(notifier.attempts(id)) == attempts == len(sink.got("/limit", id))


@pytest.mark.parametrize("settings", [{"ladder": "10ms 1h; window=30m"}, {"ladder": "10ms 1h", "windowMs": 1_800_000},
                                      {"ladder": "10ms 1h; window=9h", "windowMs": 1_800_000}])
def test_window(notifier, sink, settings):
    sink.on("/window", status(500))
    id = notifier.submit(notifier.receiver(sink.url("/window"), **settings))
    check_dead(notifier.wait(id, "dead"), "window")
    check_climb(notifier.attempts(id), [10])
    assert len(notifier.attempts(id)) == 2


def test_window_counts_from_the_first_attempt(notifier, sink):
    sink.on("/from", status(500))
    id = notifier.submit(notifier.receiver(sink.url("/from"), ladder="100ms*; window=1s"))
    check_dead(notifier.wait(id, "dead"), "window")
    attempts = notifier.attempts(id)
    assert all(one["begunAt"] - attempts[0]["begunAt"] <= 1000 + 20_000 for one in attempts)
    assert all(one["nextDueAt"] <= attempts[0]["begunAt"] + 1000 for one in attempts[:-1])


def test_retry_after_beyond_the_window(notifier, sink):
    sink.on("/beyond", busy("7200"))
    id = notifier.submit(notifier.receiver(sink.url("/beyond"), ladder="1s 1m; window=1h"))
    check_dead(notifier.wait(id, "dead"), "window")
    assert len(notifier.attempts(id)) == 1


def test_time_spent_hanging_counts(notifier, sink):
    sink.on("/hang", hang())
    id = notifier.submit(notifier.receiver(sink.url("/hang"), ladder="600ms*; window=1s", timeoutMs=500))
    check_dead(notifier.wait(id, "dead"), "window")
    assert len(notifier.attempts(id)) == 1  # 500 ms of hanging and 600 ms of the ladder are more than the window


def test_no_rung_at_all(notifier, sink):
    """limit 0 means the ladder's own; one attempt only is a ladder that the window ends."""
    sink.on("/once", status(500))
    id = notifier.submit(notifier.receiver(sink.url("/once"), ladder="1h; window=1s"))
    check_dead(notifier.wait(id, "dead"), "window")
    assert len(sink.got("/once", id)) == 1


@pytest.mark.parametrize("more,field", [({"attemptLimit": -1}, "attemptLimit"), ({"attemptLimit": "x"}, "attemptLimit"),
                                        ({"windowMs": -5}, "windowMs"), ({"windowMs": 1 << 60}, "windowMs"), ({"windowMs": 1.5}, "windowMs"),
                                        ({"timeoutMs": 9}, "timeoutMs"), ({"timeoutMs": 300_001}, "timeoutMs"), ({"inFlight": 0}, "inFlight"),
                                        ({"inFlight": 1025}, "inFlight"), ({"ratePerSecond": -1}, "ratePerSecond"),
                                        ({"burst": -1}, "burst"), ({"breaker": {"failures": -1}}, "failures"), ({"breaker": {"colour": 1}}, "colour"),
                                        ({"breaker": 7}, "breaker"), ({"colour": "red"}, "colour")])
def test_wrong_settings(notifier, more, field):
    problem = notifier.invalid("PUT", "/v1/receivers/wrong", {"url": "http://127.0.0.1:9/", **more}, field=field)
    if field == "colour":
        assert "url" in problem["detail"] or "failures" in problem["detail"]  # lists those that there are
