# SPDX-License-Identifier: Apache-2.0
"""Calls fail amid many sends at once: what was acknowledged is there, and the queue's offsets have no gap."""
import codec
import pytest
from client import Client, Closed, wait_until
from faults import NEVER, FaultyServer

pytestmark = pytest.mark.ours
AT_ONCE = 20


@pytest.fixture(name="server")
def fixture_server(tmp_path):
    server = FaultyServer(tmp_path / "data").start()
    yield server
    server.stop()


def burst(client, number):
    """Sends many at once: (opaque, body) of those that left."""
    bodies = [f"{number}-{i}".encode() for i in range(AT_ONCE)]
    sent = []
    try:
        for body in bodies:
            sent.append((client.begin(codec.SEND_V2, client.send_ext("t", props={"KEYS": body.decode()}), body), body))
    except OSError:
        pass  # closed for lack of memory
    return sent


def collect(client, sent, acknowledged):
    for opaque, body in sent:
        try:
            answer = client.finish(opaque)
        except Closed:
            continue  # no memory for the answer: nobody knows
        if answer.code == codec.OK:
            acknowledged[int(answer.ext["queueOffset"])] = body
        else:
            assert answer.remark, answer


def check(client, acknowledged):
    found = {m.offset: m.body for m in client.read("t", count=len(acknowledged))}
    assert sorted(found) == list(range(len(found)))
    assert {offset: found.get(offset) for offset in acknowledged} == acknowledged
    assert len(set(found.values())) == len(found), "a message is there twice"


@pytest.mark.parametrize("points", [["alloc.loop"], ["log.write"], ["log.sync"], ["alloc.loop", "log.sync"],
                                    ["alloc.index"], ["db.step"]], ids=" and ".join)
@pytest.mark.parametrize("count", [1, 7, NEVER], ids=["one", "seven", "all"])
def test_many_sends(server, points, count):
    acknowledged, number = {}, 0
    with Client(server.broker) as probe:
        probe.made_topic("t", queues=1)
    for first in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89):
        with Client(server.broker) as client:
            acknowledged[client.sent("t", f"before {first}".encode())[1]] = f"before {first}".encode()
            for point in points:
                server.control.arm(point, first, count, cold=number % 2)  # else many a request allocates nothing
            sent = []
            for _ in range(3):
                number += 1
                sent += burst(client, number)
            wait_until(lambda: any(server.control.failed(point) for point in points) or
                       all(client.is_closed or client.is_answered(opaque) for opaque, _ in sent))
            server.control.disarm()
            collect(client, sent, acknowledged)

        def accepted():
            with Client(server.broker) as other:
                return other.send("other").code == codec.OK
        wait_until(accepted)
    with Client(server.broker) as client:
        check(client, acknowledged)
    server.restart(kill9=count == 7)  # an orderly stop looks for leaks
    with Client(server.broker) as client:
        check(client, acknowledged)
