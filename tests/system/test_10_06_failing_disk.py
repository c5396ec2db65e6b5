# SPDX-License-Identifier: Apache-2.0
"""A write or sync that fails is never acknowledged; afterwards queues go on without gap and service resumes."""
import codec
import pytest
from client import Client, wait_until

pytestmark = pytest.mark.ours


# Space is asked for when a file grows: small files, large bodies.
@pytest.mark.parametrize("fault, size", [("log.write:30+5", 10), ("log.sync:30+5", 10), ("log.space:3+5", 200_000)])
def test_failed_sends_are_refused_and_leave_no_gap(own_server, fault, size):
    server = own_server("--segment-size", "1M", "--max-message-size", "256K", env={"TIDINGS_FAULT": fault})
    acknowledged, refused = [], 0
    with Client(server.broker) as client:
        while len(acknowledged) < 80:
            body = f"{len(acknowledged)}-{refused}".ljust(size, ".")
            answer = client.send("t", body.encode())
            if answer.code == codec.OK:
                acknowledged.append((int(answer.ext["queueOffset"]), body))
            else:
                assert answer.code in (codec.SYSTEM_ERROR, codec.NOT_AVAILABLE), answer
                refused += 1
                wait_until(lambda: client.send("probe").code == codec.OK)
        assert refused
        assert [offset for offset, _ in acknowledged] == list(range(80))
        assert [m.body.decode() for m in client.read("t")] == [body for _, body in acknowledged]
    server.env = {}
    server.restart(kill9=True)
    with Client(server.broker) as client:
        assert [m.body.decode() for m in client.read("t")] == [body for _, body in acknowledged]


def test_failing_index_loses_nothing(own_server):
    server = own_server(env={"TIDINGS_FAULT": "db.commit:15+10"})
    sent = 0
    with Client(server.broker) as client:
        def send_on():
            nonlocal sent
            client.sent("t", f"{sent}".encode(), props={"KEYS": f"k{sent}"})
            sent += 1
            return "Input/output error" in server.stderr()

        wait_until(send_on, 60, "a failed commit of the index")
        for _ in range(100):
            send_on()
    server.env = {}
    server.restart(kill9=True)
    with Client(server.broker) as client:
        assert [int(m.body) for m in client.read("t")] == list(range(sent))
