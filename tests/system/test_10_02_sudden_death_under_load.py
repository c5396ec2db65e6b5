# SPDX-License-Identifier: Apache-2.0
"""kill -9 in the middle of a storm of sends: what was acknowledged is there, in its place, once."""
import threading
import time

import codec
import pytest
from client import Client, wait_until

pytestmark = pytest.mark.ours


def storm(server, number, acknowledged):
    try:
        with Client(server.broker) as client:
            i = 0
            while True:
                opaques = []
                for _ in range(32):
                    body = f"{number}-{i}"
                    ext = client.send_ext("t", number % 4)
                    opaques.append((client.begin(codec.SEND_V2, ext, body.encode()), body))
                    i += 1
                for opaque, body in opaques:
                    answer = client.finish(opaque)
                    if answer.code == codec.OK:
                        acknowledged.append((int(answer.ext["queueId"]), int(answer.ext["queueOffset"]), body))
    except OSError:
        return  # the server died, as it should


def test_nothing_acknowledged_is_lost(own_server):
    server = own_server("--topic", "t:4")
    acknowledged = []
    for turn in range(4):
        threads = [threading.Thread(target=storm, args=(server, number + 10 * turn, acknowledged))
                   for number in range(4)]
        for thread in threads:
            thread.start()
        before = len(acknowledged)
        wait_until(lambda: len(acknowledged) > before + 100, what="a storm")
        time.sleep(0.1 * turn)  # not always at the same moment
        server.kill9()
        for thread in threads:
            thread.join()
        server.start()
    with Client(server.broker) as client:
        found = {}
        for queue in range(4):
            messages = client.read("t", queue=queue)
            assert [message.offset for message in messages] == list(range(len(messages)))
            for message in messages:
                found[queue, message.offset] = message.body.decode()
    assert len(acknowledged) > 100
    assert all(found[queue, offset] == body for queue, offset, body in acknowledged)
    assert len(set(found.values())) == len(found)
