# SPDX-License-Identifier: Apache-2.0
"""Times, courses and states are kept across restarts, orderly ones and kill -9."""
import pytest
from notifier import ALLOW, Notifier, check_climb, check_dead
from receivers import hang, ok, status

pytestmark = pytest.mark.ours


@pytest.mark.parametrize("kill9", [False, True])
def test_due_times(own_server, sink, kill9):
    sink.on("/due", status(500))
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/due"), ladder="10ms 1h 2h", breaker={"failures": 0})
    ids = [api.submit(name) for _ in range(20)]
    before = [api.wait_attempts(id, 2) for id in ids]
    server.restart(kill9=kill9)
    for id, attempts in zip(ids, before):
        found = api.get(id)
        assert found["state"] == "waiting" and found["dueAt"] == attempts[-1]["nextDueAt"]
        assert api.attempts(id) == attempts
    assert len(sink.got("/due")) == 40  # none of them again at the start


@pytest.mark.parametrize("kill9", [False, True])
def test_the_climb_goes_on(own_server, sink, kill9):
    """The rung that follows after a restart is the next one, and the limit counts on."""
    sink.on("/on", status(500))
    server = own_server(ALLOW)
    api = Notifier(server)
    id = api.submit(api.receiver(sink.url("/on"), ladder="10ms 7s 30ms 40ms"))
    api.wait_attempts(id, 2)
    server.restart(kill9=kill9)
    check_dead(api.wait(id, "dead"), "ladder")
    attempts = api.attempts(id)
    check_climb(attempts, [10, 7000, 30, 40])
    assert [one.attempt for one in sink.got("/on", id)] == [1, 2, 3, 4, 5]


def test_window_counts_from_the_first_attempt_still(own_server, sink):
    sink.on("/window", status(500))
    server = own_server(ALLOW)
    api = Notifier(server)
    id = api.submit(api.receiver(sink.url("/window"), ladder="2s*; window=3s"))
    first = api.wait_attempts(id, 1)[0]
    server.restart(kill9=True)
    check_dead(api.wait(id, "dead"), "window")
    attempts = api.attempts(id)
    assert attempts[0] == first and sum(one["errorClass"] != "interrupted" for one in attempts) <= 2


def test_stopped_while_it_is_out(own_server, sink):
    """An orderly stop gives back what is out; it is delivered at once after the start, without a hole or a lost rung."""
    sink.on("/out", hang(), ok())
    server = own_server(ALLOW)
    api = Notifier(server)
    id = api.submit(api.receiver(sink.url("/out"), timeoutMs=60_000))
    sink.wait(1, "/out")
    server.restart()
    first, second = sink.wait(2, "/out")
    assert first.id == second.id == id and first.body == second.body
    api.wait(id, "delivered")


def test_killed_while_it_is_out(own_server, sink):
    """Nobody can know how it ended: that is on record, and it is delivered again at once under the same id, not after
    its lease of 90 s."""
    sink.on("/out", hang(), ok())
    server = own_server(ALLOW)
    api = Notifier(server)
    id = api.submit(api.receiver(sink.url("/out"), ladder="1h", timeoutMs=60_000))
    sink.wait(1, "/out")
    server.restart(kill9=True)
    first, second = sink.wait(2, "/out", within_s=80)
    assert first.id == second.id == id and first.body == second.body
    assert (first.attempt, second.attempt) == (1, 2)
    assert api.wait(id, "delivered")["attempts"] == 2
    lost, made = api.attempts(id)
    assert (lost["number"], lost["errorClass"], made["number"], made["errorClass"]) == (1, "interrupted", 2, "none")
    assert "status" not in lost and "is not known" in lost["error"] and lost["begunAt"] <= lost["nextDueAt"] <= made["begunAt"]


def test_killed_on_the_way_up(own_server, sink):
    """An attempt in hand costs no rung: the ladder goes on where it was, as if it had not been."""
    sink.on("/up", status(500), hang(), status(500))
    server = own_server(ALLOW)
    api = Notifier(server)
    id = api.submit(api.receiver(sink.url("/up"), ladder="10ms 20ms", timeoutMs=60_000, breaker={"failures": 0}))
    sink.wait(2, "/up")
    server.restart(kill9=True)
    check_dead(api.wait(id, "dead", within_s=80), "ladder")
    attempts = api.attempts(id)
    assert [one["errorClass"] for one in attempts] == ["http_5xx", "interrupted", "http_5xx", "http_5xx"]
    assert [one["number"] for one in attempts] == [one.attempt for one in sink.got("/up", id)] == [1, 2, 3, 4]


def test_killed_with_many_in_hand(own_server, sink):
    """More than one step has, of several receivers, killed twice while they are out."""
    sink.default = hang()
    server = own_server(ALLOW)
    api = Notifier(server)
    names = [api.receiver(sink.url(f"/many{place}"), ladder="1h", timeoutMs=300_000, inFlight=200) for place in range(4)]
    ids = [api.submit(name) for name in names for _ in range(150)]
    sink.wait(600, within_s=120)
    server.restart(kill9=True)
    sink.wait(1200, within_s=120)
    sink.default = ok()
    server.restart(kill9=True)
    for id in ids:
        assert api.wait(id, "delivered", within_s=120)["attempts"] == 3
        assert [one["errorClass"] for one in api.attempts(id)] == ["interrupted", "interrupted", "none"]
        assert [one.attempt for one in sink.got(id=id)] == [1, 2, 3]


def test_finished_ones_stay(own_server, sink):
    sink.on("/dead", status(500))
    server = own_server(ALLOW)
    api = Notifier(server)
    delivered = api.submit(api.receiver(sink.url("/fine")))
    dead = api.submit(api.receiver(sink.url("/dead"), ladder="1ms"))
    cancelled = api.submit(api.receiver(sink.url("/never")), dueAt=1 << 41)
    api.wait(delivered, "delivered")
    api.wait(dead, "dead")
    api.good("POST", f"/v1/notifications/{cancelled}/cancel")
    before = {id: (api.get(id), api.attempts(id), api.payload(id).body) for id in (delivered, dead, cancelled)}
    server.restart(kill9=True)
    for id, state in before.items():
        assert (api.get(id), api.attempts(id), api.payload(id).body) == state
    assert len(sink.got()) == 3
