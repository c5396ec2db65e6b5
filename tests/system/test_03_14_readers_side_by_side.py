# SPDX-License-Identifier: Apache-2.0
"""Several readers of one queue, each on its own connection, see the same messages at the same offsets."""
import concurrent.futures

import codec
from client import Client

COUNT, READERS = 3000, 4


def test_one_backlog(server, client, topic):
    client.made_topic(topic, queues=1)
    begun = [client.begin(codec.SEND_V2, client.send_ext(topic, props={"KEYS": str(i)}), str(i).encode())
             for i in range(COUNT)]
    offset_of = {i: int(client.finish(opaque).ext["queueOffset"]) for i, opaque in enumerate(begun)}

    def read(first):
        with Client(server.broker) as own:
            return [(int(message.body), message.offset) for message in own.read(topic, offset=first)]

    starts = [i * COUNT // READERS for i in range(READERS)]
    with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
        seen = list(pool.map(read, starts))
    for first, found in zip(starts, seen):
        assert [offset for _, offset in found] == list(range(first, COUNT))
        assert all(offset_of[number] == offset for number, offset in found)
