# SPDX-License-Identifier: Apache-2.0
"""dueAt: no attempt before that time, and the time is kept across a restart."""
import pytest
from notifier import ALLOW, Notifier, now_ms

pytestmark = pytest.mark.ours


def test_not_before(own_server, sink):
    api = Notifier(own_server(ALLOW))
    name = api.receiver(sink.url("/a"))
    due_ms, far_ms = now_ms() + 1500, now_ms() + 3_600_000
    id, far = api.submit(name, dueAt=due_ms), api.submit(name, dueAt=far_ms)
    assert api.get(far)["dueAt"] == far_ms
    api.wait(api.submit(name), "delivered")
    found = api.wait(id, "delivered")
    [later] = sink.wait(1, "/a", id)
    assert later.wall_ms >= due_ms and found["firstAttemptAt"] >= due_ms
    assert api.get(far)["state"] == "waiting" and sink.got("/a", far) == []


def test_past(own_server, sink):
    """A time that has gone by is now; 0 too."""
    api = Notifier(own_server(ALLOW))
    name = api.receiver(sink.url("/b"))
    for due_ms in (0, 1, now_ms() - 1000):
        api.wait(api.submit(name, dueAt=due_ms), "delivered")


def test_restart(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/c"))
    due_ms, far_ms = now_ms() + 3000, now_ms() + 10**9
    id, far = api.submit(name, dueAt=due_ms), api.submit(name, dueAt=far_ms)
    server.restart(kill9=True)
    [request] = sink.wait(1, "/c")
    assert request.id == id and request.wall_ms >= due_ms
    assert api.get(far)["dueAt"] == far_ms and api.get(far)["state"] == "waiting"
