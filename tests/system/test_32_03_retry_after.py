# SPDX-License-Identifier: Apache-2.0
"""Retry-After is kept in full, as seconds and as a date; 429 and 503 slow the whole receiver; 410 ends."""
import email.utils
import time

import pytest
from notifier import ALLOW, LATE_MS, check_dead
from receivers import busy, ok, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
HOUR = 3_600_000


def delay_ms(attempt):
    return attempt["nextDueAt"] - attempt["begunAt"]


@pytest.mark.parametrize("code", [429, 503])
def test_seconds(notifier, sink, code):
    path = f"/seconds{code}"
    sink.on(path, busy("7200", code))
    id = notifier.submit(notifier.receiver(sink.url(path), ladder="5s 1m"))
    [attempt] = notifier.wait_attempts(id, 1)
    assert 2 * HOUR <= delay_ms(attempt) <= 2 * HOUR + attempt["phases"]["total"] / 1000 + LATE_MS


@pytest.mark.parametrize("code", [429, 503])
def test_date(notifier, sink, code):
    at_s = int(time.time()) + 5 * 3600
    path = f"/date{code}"
    sink.on(path, busy(email.utils.formatdate(at_s, usegmt=True), code))
    id = notifier.submit(notifier.receiver(sink.url(path), ladder="5s 1m"))
    [attempt] = notifier.wait_attempts(id, 1)
    assert at_s * 1000 - 1000 <= attempt["nextDueAt"] <= at_s * 1000 + 1000 + LATE_MS


def test_the_ladder_when_it_is_longer(notifier, sink):
    sink.on("/longer", busy("1"))
    id = notifier.submit(notifier.receiver(sink.url("/longer"), ladder="1h"))
    [attempt] = notifier.wait_attempts(id, 1)
    assert HOUR <= delay_ms(attempt) <= HOUR + attempt["phases"]["total"] / 1000 + LATE_MS


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "99999999999999999999999", "7 days", "Thu, 99 Foo 2099 99:99:99 GMT", "0"])
def test_broken_values(notifier, sink, text):
    """They count for nothing, or for as long as a number so large can: never for an attempt in the past."""
    path = f"/broken{abs(hash(text))}"
    sink.on(path, busy(text, 503))
    id = notifier.submit(notifier.receiver(sink.url(path), ladder="1h"))
    [attempt] = notifier.wait_attempts(id, 1)
    assert delay_ms(attempt) >= HOUR or notifier.get(id)["state"] == "dead"


@pytest.mark.slow
def test_a_date_gone_by(notifier, sink):
    """It counts as a 429 that names no time: slowed for a while by itself, and then tried again."""
    sink.on("/past", busy("Thu, 01 Jan 1970 00:00:00 GMT"), ok())
    id = notifier.submit(notifier.receiver(sink.url("/past"), ladder="10ms 1h"))
    assert notifier.wait(id, "delivered", within_s=150)["attempts"] == 2


@pytest.mark.parametrize("code", [429, 503])
def test_the_whole_receiver_waits(notifier, sink, code):
    """One 429: nothing else is sent to it before that time, first attempts neither."""
    path = f"/slows{code}"
    sink.on(path, busy("2", code), ok())
    name = notifier.receiver(sink.url(path), ladder="10ms 1h", inFlight=1)
    first = notifier.submit(name)
    notifier.wait_attempts(first, 1)
    view, looked_ms = notifier.show(name), time.time() * 1000
    others = [notifier.submit(name) for _ in range(5)]
    for id in [first, *others]:
        notifier.wait(id, "delivered")
    requests = sink.wait(7, path)
    answered_ms = requests[0].wall_ms
    assert view.get("slowUntil", 0) >= answered_ms + 2000 - 5 or looked_ms > answered_ms + 2000  # over: no longer shown
    assert all(one.wall_ms >= answered_ms + 2000 - 5 for one in requests[1:])
    for id in others:
        assert notifier.get(id)["attempts"] == 1


def test_without_retry_after(notifier, sink):
    """A bare 429 or 503 slows it too, by itself."""
    sink.on("/bare", busy(None), ok())
    name = notifier.receiver(sink.url("/bare"), ladder="1h")
    first = notifier.submit(name)
    notifier.wait_attempts(first, 1)
    assert notifier.show(name).get("slowUntil", 0) > sink.got("/bare")[0].wall_ms


def test_others_are_not_slowed(notifier, sink):
    sink.on("/slow", busy("3600"))
    slow, fast = notifier.receiver(sink.url("/slow")), notifier.receiver(sink.url("/fast"))
    notifier.wait_attempts(notifier.submit(slow), 1)
    notifier.wait(notifier.submit(fast), "delivered")
    waits = notifier.submit(slow)
    notifier.wait(notifier.submit(fast), "delivered")
    assert notifier.attempts(waits) == []


def test_410_is_the_end(notifier, sink):
    sink.on("/gone", status(410, "closed for ever"))
    name = notifier.receiver(sink.url("/gone"), ladder="10ms*")
    id = notifier.submit(name)
    check_dead(notifier.wait(id, "dead"), "gone")
    assert len(notifier.attempts(id)) == 1
    view = notifier.wait_receiver(name, lambda one: one["state"] == "gone")
    assert view["stateReason"]
    later = notifier.submit(name)  # accepted, not sent
    healthy = notifier.receiver(sink.url("/healthy"))
    notifier.wait(notifier.submit(healthy), "delivered")
    assert notifier.get(later)["state"] == "waiting" and notifier.attempts(later) == []
    sink.on("/gone", ok())
    assert notifier.good("POST", f"/v1/receivers/{name}/resume")["state"] == "active"
    notifier.wait(later, "delivered")
    assert notifier.get(id)["state"] == "dead"  # what died stays dead until it is redelivered


def test_410_outlives_a_restart(own_server, sink):
    from notifier import Notifier
    sink.on("/gone", status(410))
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/gone"))
    api.wait(api.submit(name), "dead")
    api.wait_receiver(name, lambda one: one["state"] == "gone")
    server.restart(kill9=True)
    later = api.submit(name)
    assert api.show(name)["state"] == "gone" and api.get(later)["attempts"] == 0
    assert len(sink.got("/gone")) == 1
