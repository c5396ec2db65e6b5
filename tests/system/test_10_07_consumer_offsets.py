# SPDX-License-Identifier: Apache-2.0
"""A stored consumer offset survives; after a crash it may be a moment old, but never ahead of what was stored."""
import pytest
from client import Client, wait_kept

pytestmark = pytest.mark.ours


def test_offsets_of_many_queues_survive_a_kill(own_server):
    server = own_server()
    with Client(server.broker) as client:
        client.made_topic("t", queues=20)
        for queue in range(20):
            client.send_batch("t", [(b"x", {})] * 50, queue=queue)
            for offset in range(0, 41):
                client.commit("g", "t", offset + queue // 2, queue)
        wait_kept(server, client)
    server.restart(kill9=True)
    with Client(server.broker) as client:
        assert [client.committed("g", "t", queue) for queue in range(20)] == [40 + q // 2 for q in range(20)]


def test_at_once_after_an_orderly_stop(own_server):
    server = own_server()
    with Client(server.broker) as client:
        client.send_batch("t", [(b"x", {})] * 50)
        client.commit("g", "t", 33)
    server.restart()
    with Client(server.broker) as client:
        assert client.committed("g", "t") == 33


def test_killed_at_once_it_is_never_ahead(own_server):
    server = own_server()
    with Client(server.broker) as client:
        client.send_batch("t", [(b"x", {})] * 200)
    highest = 0
    for turn in range(5):
        with Client(server.broker) as client:
            start = client.committed("g", "t") or 0
            assert start <= highest
            for offset in range(start, start + 30):
                client.commit("g", "t", offset)
                highest = max(highest, offset)
        server.restart(kill9=True)
    with Client(server.broker) as client:
        assert client.committed("g", "t") <= highest


def test_deleted_topic_takes_its_offsets_along(own_server):
    server = own_server()
    with Client(server.broker) as client:
        client.send_batch("t", [(b"x", {})] * 10)
        client.commit("g", "t", 9)
        assert client.call(215, {"topic": "t"}).code == 0
        server.restart(kill9=True)
    with Client(server.broker) as client:
        client.send_batch("t", [(b"new", {})] * 3)
        assert client.committed("g", "t") in (0, None)
        assert [m.body for m in client.read("t", offset=client.min_offset("t"))] == [b"new"] * 3
