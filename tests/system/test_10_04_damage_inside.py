# SPDX-License-Identifier: Apache-2.0
"""A bad record inside the log is reported and never skipped in silence; what stands around it is kept."""
import shutil

import codec
import pytest
from client import Client
from logfiles import flip

pytestmark = pytest.mark.ours


def body(number):
    return f"<<message number {number:04}>>".encode()


def fill(own_server, count=40):
    server = own_server()
    with Client(server.broker) as client:
        client.made_topic("t", queues=1)
        for number in range(count):
            client.sent("t", body(number), props={"KEYS": f"k{number}"})
    return server


def expect_reported(server):
    assert "damaged" in server.stderr()


def readable(client):
    """Reads a queue past its holes, as consumers do."""
    found, offset = [], 0
    for _ in range(200):
        answer = client.pull("t", offset)
        if answer.code == codec.PULL_NOTHING:
            return found
        assert answer.code in (codec.OK, codec.PULL_AGAIN, codec.PULL_MOVED), answer
        found += codec.decode_messages(answer.body)
        following = int(answer.ext["nextBeginOffset"])
        assert following > offset, "the consumer is stuck in front of the hole"
        offset = following
    raise AssertionError("no end")


@pytest.mark.parametrize("without_index", [False, True], ids=["index kept", "index made anew"])
@pytest.mark.parametrize("kill9", [False, True])
def test_one_bit(own_server, without_index, kill9):
    server = fill(own_server)
    server.kill9() if kill9 else server.stop()
    flip(server.data, body(17))
    if without_index:
        shutil.rmtree(server.data / "index")
    server.start()
    with Client(server.broker) as client:
        found = readable(client)
        assert [m.body for m in found] == [body(n) for n in range(40) if n != 17]
        assert [m.offset for m in found] == [n for n in range(40) if n != 17]
        assert client.sent("t", b"next")[1] == 40
        expect_reported(server)
        assert server.metric("tidings_log_damaged_records_total") >= 1
    server.restart(kill9=True)
    with Client(server.broker) as client:
        assert len(readable(client)) == 40


def test_a_whole_stretch(own_server):
    server = fill(own_server)
    server.stop()
    for number in range(10, 20):
        flip(server.data, body(number), count=20)
    shutil.rmtree(server.data / "index")
    server.start()
    with Client(server.broker) as client:
        assert [m.body for m in readable(client)] == [body(n) for n in range(40) if not 10 <= n < 20]
    expect_reported(server)


def test_damaged_while_it_runs(own_server):
    """The disk goes bad under a running server: the bad message is not handed out as if it were good."""
    server = fill(own_server)
    flip(server.data, body(17))
    with Client(server.broker) as client:
        assert all(message.body != body(17) or message.crc for message in readable(client))
        assert {m.body for m in readable(client)} >= {body(n) for n in range(40) if n != 17}


def test_damaged_message_cannot_be_viewed_or_given_back(own_server):
    server = own_server()
    with Client(server.broker) as client:
        client.sent("t", body(1))
        position = client.sent("t", body(2))[2]
        client.sent("t", body(3))
        message = client.next("t", 1)
    server.stop()
    flip(server.data, body(2))
    server.start()
    with Client(server.broker) as client:
        assert client.view(position).code == codec.SYSTEM_ERROR
        assert client.send_back(message, "g").code == codec.SYSTEM_ERROR
