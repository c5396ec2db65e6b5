# SPDX-License-Identifier: Apache-2.0
"""Fault of a peer (Outpost #486: the retry monitor asks its store every 100 ms; Svix and Convoy poll too): what waits for
later costs processor time now. Ours sleeps until the next due time."""
import time

import pytest
from client import wait_until
from notifier import ALLOW, Notifier
from receivers import status
from test_36_02_jobs import fill

pytestmark = pytest.mark.ours
MEASURED_S = 3


def test_waiting_costs_nothing(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    sink.on("/idle", status(500))
    for number in range(50):
        name = api.receiver(sink.url("/idle"), ladder="1h", breaker={"failures": 0})
        fill(api, name, 20, f"idle{number} ")
    sink.wait(1000, "/idle", within_s=120)

    def settled():
        shown = api.metrics()
        return shown["tidings_notify_attempts_total"] == 1000 and shown["tidings_notify_in_flight"] == 0
    wait_until(settled, what="all are on record")
    before = api.metrics()
    time.sleep(MEASURED_S)  # the time over which it is measured
    after = api.metrics()
    assert after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"] < MEASURED_S / 4
    assert after["tidings_notify_attempts_total"] <= before["tidings_notify_attempts_total"] + 1
