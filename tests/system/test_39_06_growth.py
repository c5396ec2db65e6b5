# SPDX-License-Identifier: Apache-2.0
"""Faults of peers: memory that grows with what was delivered (Svix PR #671, open-wearables #1111), a payload that is
copied into each attempt's row (Outpost), a replica of everything in memory that runs out (keygen-api #771)."""
import pytest
from client import wait_until
from notifier import ALLOW, Notifier
from receivers import ok, status
from server import IS_SANITIZED
from test_36_02_jobs import fill

pytestmark = pytest.mark.ours


def folder_bytes(server):
    return sum(path.stat().st_size for path in server.data.rglob("*") if path.is_file())


def test_attempts_do_not_copy_the_payload(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    sink.on("/again", status(500))
    name = api.receiver(sink.url("/again"), ladder="1ms*100; limit=100", breaker={"failures": 0})
    first = api.raw(name, b"x" * 1_000_000)
    api.wait(first, "dead", within_s=120)
    server.restart()  # what was written ahead is in its place
    assert len(api.attempts(first)) == 101
    before = folder_bytes(server)
    api.good("POST", f"/v1/notifications/{first}/redeliver")
    wait_until(lambda: len(api.attempts(first)) == 202, 120)
    server.restart()
    assert folder_bytes(server) - before < 20_000_000


def test_memory_of_what_is_done(own_server, sink):
    """10,000 delivered twice over: the second time takes next to no memory more."""
    server = own_server(ALLOW)
    api = Notifier(server)
    sink.on("/done", ok())
    name = api.receiver(sink.url("/done"), inFlight=256)
    fill(api, name, 10_000, "one")
    wait_until(lambda: api.show(name)["waiting"] == 0, 240)
    before = server.resident_kb()
    fill(api, name, 10_000, "two")
    wait_until(lambda: api.show(name)["waiting"] == 0, 240)
    assert IS_SANITIZED or server.resident_kb() - before < 24 * 1024


def test_memory_of_what_waits(own_server):
    """What waits lies on the disk: 20,000 of 2 KB are not 40 MB of memory."""
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver("http://127.0.0.1:9/")
    api.good("POST", f"/v1/receivers/{name}/pause")
    for turn in range(40):
        if turn == 20:  # by now its own pools and caches are as large as they get
            before = server.resident_kb()
        items = [{"source": "s", "type": "t", "txNo": f"{turn} {number}", "receivers": [name], "payload": "x" * 2000} for number in range(1000)]
        assert api.call("POST", "/v1/notifications", {"notifications": items}).status == 202
    assert api.show(name)["waiting"] == 40_000
    assert IS_SANITIZED or server.resident_kb() - before < 20 * 1024
