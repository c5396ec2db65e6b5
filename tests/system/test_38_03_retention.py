# SPDX-License-Identifier: Apache-2.0
"""Retention: what is finished goes after its time with all that belongs to it; what is not finished stays."""
import pytest
from client import wait_until
from notifier import ALLOW, Notifier
from receivers import status

pytestmark = pytest.mark.ours


def test_finished_ones_go(own_server, sink):
    server = own_server(ALLOW, "--notify-retention=3s")
    api = Notifier(server)
    sink.on("/dead", status(500))
    fine, bad = api.receiver(sink.url("/fine")), api.receiver(sink.url("/dead"), ladder="1ms")
    climbing = api.receiver(sink.url("/dead"), ladder="1h")
    waiting = [api.submit(fine, tx_no="later", dueAt=1 << 41), api.submit(climbing, tx_no="climbing")]
    gone = [api.submit(fine, tx_no="fine"), api.submit(bad, tx_no="dead"), api.submit(fine, tx_no="cancelled", dueAt=1 << 41)]
    api.good("POST", f"/v1/notifications/{gone[2]}/cancel")
    api.wait_attempts(waiting[1], 1)
    for id in gone:
        wait_until(lambda: api.call("GET", f"/v1/notifications/{id}").status == 404, 120, f"{id} is gone")
        assert api.call("GET", f"/v1/notifications/{id}/payload").status == 404
        assert api.call("GET", f"/v1/notifications/{id}/attempts").status == 404
    assert [one["id"] for one in api.list()] == waiting
    assert api.get(waiting[1])["attempts"] == 1 and len(api.attempts(waiting[1])) == 1
    assert api.metrics()["tidings_notify_purged_total"] >= 3
    again = api.submit(fine, {"n": 2}, tx_no="fine")  # its key is free, for other bytes too
    assert again not in gone
    sink.wait(1, "/fine", again)  # by the record it may be gone again already


def test_not_before(own_server, sink):
    api = Notifier(own_server(ALLOW, "--notify-retention=1h"))
    id = api.submit(api.receiver(sink.url("/kept")))
    api.wait(id, "delivered")
    assert api.get(id)["state"] == "delivered" and api.metrics()["tidings_notify_purged_total"] == 0


def test_fan_out_goes_together(own_server, sink):
    """A submission to several is kept until all of it is finished."""
    api = Notifier(own_server(ALLOW, "--notify-retention=2s"))
    sink.on("/never", status(500))
    fine, slow, marker = api.receiver(sink.url("/fine")), api.receiver(sink.url("/never"), ladder="1h"), api.receiver(sink.url("/marker"))
    first, second = api.submit([fine, slow])
    api.wait(first, "delivered")
    mark = api.submit(marker)
    wait_until(lambda: api.call("GET", f"/v1/notifications/{mark}").status == 404, 120, "the marker is gone")
    assert api.get(first)["state"] == "delivered" and api.get(second)["state"] == "waiting"
