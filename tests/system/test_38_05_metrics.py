# SPDX-License-Identifier: Apache-2.0
"""Metrics of the notifier: they are there, they count right, and a hundred receivers more do not make a thousand lines."""
import re

import pytest
from client import wait_until
from notifier import ALLOW, Notifier
from receivers import status
from test_12_02_http import metrics as checked_metrics

pytestmark = pytest.mark.ours
COUNTED = ["accepted", "duplicates", "conflicts", "attempts", "delivered", "dead", "stale", "unsettled", "purged"]


def test_counts(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    sink.on("/bad", status(500))
    fine, bad = api.receiver(sink.url("/fine")), api.receiver(sink.url("/bad"), ladder="1ms")
    ids = [api.submit(fine, tx_no=f"m{number}") for number in range(5)]
    api.submit(fine, tx_no="m0")
    api.call("POST", "/v1/notifications", {"source": "pay", "type": "recharge.done", "txNo": "m0", "receivers": [fine], "payload": 7})
    waits = api.submit(fine, dueAt=1 << 41)
    for id in ids:
        api.wait(id, "delivered")
    api.wait(api.submit(bad), "dead")
    wanted = {"accepted": 7, "duplicates": 1, "conflicts": 1, "attempts": 7, "delivered": 5, "dead": 1, "stale": 0, "unsettled": 0, "purged": 0}

    def counted():
        found = checked_metrics(server)  # every line is looked at there
        return {name: found[f"tidings_notify_{name}_total"] for name in COUNTED} == wanted and found["tidings_notify_in_flight"] == 0
    wait_until(counted, what=f"{wanted}")
    found = checked_metrics(server)
    assert found["tidings_notify_waiting"] == 1 and found["tidings_notify_in_flight"] == 0
    assert found["tidings_notify_receivers"] == 2 and found["tidings_notify_receivers_parked"] == 0
    assert waits


def test_classes_and_histograms(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    api.wait(api.submit(api.receiver(sink.url("/fine"))), "delivered")
    api.wait_attempts(api.submit(api.receiver("http://127.0.0.1:9/", ladder="1h")), 1)
    names = " ".join(checked_metrics(server))
    assert re.search(r'tidings_notify_\w+\{[^}]*"connect"[^}]*\}', names)
    for part in ("lateness", "accept_to_attempt", "attempt"):
        assert re.search(rf"tidings_notify_\w*{part}\w*_bucket\{{[^}}]*le=\"\+Inf\"[^}}]*\}}", names), part


def test_bounded(own_server):
    """Labels by receiver: the 200 with the most waiting, the rest together."""
    server = own_server(ALLOW)
    api = Notifier(server)
    for number in range(260):
        name = api.receiver("http://127.0.0.1:9/", name=f"many-{number}")
        api.good("POST", f"/v1/receivers/{name}/pause")
        api.submit(name)
    found = checked_metrics(server)
    labelled = {re.search(r'receiver="([^"]*)"', name)[1] for name in found if 'receiver="' in name}
    assert labelled and len(labelled) <= 201 and "other" in labelled
    waiting = {name: value for name, value in found.items() if "waiting{" in name and 'receiver="' in name}
    assert not waiting or sum(waiting.values()) == 260
