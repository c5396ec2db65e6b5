# SPDX-License-Identifier: Apache-2.0
"""Faults of peers: roncoo-pay's recovery at the start loads one page of 500 of what is pending (and asks for states
that are never stored: it finds nothing at all); Svix's bulk recovery ends at 10,000, is lost with a restart and never
says that it is done."""
import pytest
from client import wait_until
from notifier import ALLOW, Notifier
from receivers import ok
from test_36_02_jobs import fill, start, wait_job

pytestmark = pytest.mark.ours


def test_pending_ones_after_a_restart(own_server, sink):
    """2,000 of one receiver and 3 of each of 200 others: more than a page either way."""
    server = own_server(ALLOW)
    api = Notifier(server)
    big = api.receiver(sink.url("/big"))
    small = [api.receiver(sink.url(f"/small{number}")) for number in range(200)]
    for name in [big, *small]:
        api.good("POST", f"/v1/receivers/{name}/pause")
    fill(api, big, 2000)
    for name in small:
        fill(api, name, 3)
    server.restart(kill9=True)
    for name in [big, *small]:
        api.good("POST", f"/v1/receivers/{name}/resume")
    sink.wait(2600, within_s=120)
    wait_until(lambda: api.metrics()["tidings_notify_waiting"] == 0, 60)
    assert len({one.id for one in sink.got()}) == 2600


@pytest.mark.slow
def test_more_than_ten_thousand(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    sink.on("/many", ok())
    name = api.receiver(sink.url("/many"), inFlight=256)
    fill(api, name, 12_000)
    wait_until(lambda: api.show(name)["waiting"] == 0, 240)
    job = start(api, receiver=name, state="delivered")
    server.restart(kill9=True)
    assert wait_job(api, job, within_s=240)["redelivered"] == 12_000
    wait_until(lambda: {one["state"] for one in api.list(receiver=name, limit=1000)} == {"delivered"}, 240)
    rows = api.list(receiver=name, limit=1000)
    assert len(rows) == 12_000 and {one["state"] for one in rows} == {"delivered"}
    assert min(one["attempts"] for one in rows) >= 2
