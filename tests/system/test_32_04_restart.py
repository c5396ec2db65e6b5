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
    id = api.submit(api.receiver(sink.url("/on"), ladder="10ms 2500ms 30ms 40ms"))
    api.wait_attempts(id, 2)
    server.restart(kill9=kill9)
    check_dead(api.wait(id, "dead"), "ladder")
    attempts = api.attempts(id)
    check_climb(attempts, [10, 2500, 30, 40])
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
    assert attempts[0] == first and len(attempts) <= 2


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


@pytest.mark.slow
def test_killed_while_it_is_out(own_server, sink):
    """Nobody can know how it ended: the lease runs out, and it is delivered again under the same id."""
    sink.on("/out", hang(), ok())
    server = own_server(ALLOW)
    api = Notifier(server)
    id = api.submit(api.receiver(sink.url("/out"), timeoutMs=1000))
    sink.wait(1, "/out")
    server.restart(kill9=True)
    assert api.get(id)["state"] in ("delivering", "waiting", "delivered")
    first, second = sink.wait(2, "/out", within_s=120)
    assert first.id == second.id == id and first.body == second.body
    api.wait(id, "delivered")


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
