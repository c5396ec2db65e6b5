# SPDX-License-Identifier: Apache-2.0
"""A write or sync that fails is never acknowledged; afterwards queues go on without gap and service resumes."""
import codec
import pytest
from client import Client, wait_until

pytestmark = pytest.mark.ours


@pytest.mark.parametrize("point", ["log.write", "log.sync"])
def test_failed_sends_are_refused_and_leave_no_gap(own_server, point):
    server = own_server(env={"TIDINGS_FAULT": f"{point}:30+5"})
    acknowledged, refused = [], 0
    with Client(server.broker) as client:
        while len(acknowledged) < 80:
            body = f"{len(acknowledged)}-{refused}"
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
    server = own_server(env={"TIDINGS_FAULT": "db.commit:2+5"})
    with Client(server.broker) as client:
        for i in range(300):
            client.sent("t", f"{i}".encode())
    server.env = {}
    server.restart(kill9=True)
    with Client(server.broker) as client:
        assert [int(m.body) for m in client.read("t")] == list(range(300))
