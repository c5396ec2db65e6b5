# SPDX-License-Identifier: Apache-2.0
"""Faults of peers: after an outage of its queue the worker is in limbo until somebody restarts it (Svix #1844), consumers
die for good after ten errors (Outpost), what was in the queue is lost (Vexa #520). Ours comes back by itself."""
import pytest
from client import Client, wait_until
from notifier import ALLOW, Notifier

pytestmark = pytest.mark.ours


def send(server, numbers):
    with Client(server.broker) as client:
        for number in numbers:
            client.sent("outage", b"%d" % number, props={"KEYS": f"k{number}", "TAGS": "t"})


@pytest.mark.slow
def test_killed_and_back(own_server, sink):
    mq, server = own_server("--topic=outage:1", name="mq"), own_server(ALLOW, name="notifier")
    api = Notifier(server)
    name = api.receiver(sink.url("/mq"))
    api.good("PUT", "/v1/bindings/outage", {"topic": "outage", "group": "outage_group", "receivers": [name], "nameServers": mq.namesrv})
    send(mq, range(10))
    wait_until(lambda: len(api.list(receiver=name)) == 10, 60)
    for turn in range(3):
        mq.kill9()
        api.wait(api.submit(name, tx_no=f"meanwhile {turn}"), "delivered")  # nothing else stands still
        mq.start()
        send(mq, range(10 + 10 * turn, 20 + 10 * turn))
        wait_until(lambda: len(api.list(receiver=name)) == 20 + 10 * turn + turn + 1, 120, f"messages of turn {turn}")
    server.restart(kill9=True)
    send(mq, range(40, 50))
    wait_until(lambda: len(api.list(receiver=name)) == 53, 120)
    wait_until(lambda: len({one.body for one in sink.got("/mq")} - {b'{"n": 1}'}) == 50, 120, "all of them pushed")
