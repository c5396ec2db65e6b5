# SPDX-License-Identifier: Apache-2.0
"""The index is made from the log: without it, or with an older one, a start finds everything again."""
import shutil

import codec
import pytest
from client import Client, wait_until

pytestmark = pytest.mark.ours


def fill(client, first=0):
    for i in range(first, first + 200):
        client.sent("t", f"{i}".encode(), props={"KEYS": f"k{i}"})


def check(server, count):
    with Client(server.broker) as client:
        assert [int(m.body) for m in client.read("t")] == list(range(count))
        for key in (0, count // 2, count - 1):
            answer = wait_until(lambda k=key: (got := client.query("t", f"k{k}")).code == codec.OK and got)
            assert [int(m.body) for m in codec.decode_messages(answer.body)] == [key]


@pytest.mark.parametrize("kill9", [False, True])
def test_without_index(own_server, kill9):
    server = own_server("--retry-ladder", "2s")
    with Client(server.broker) as client:
        fill(client)
        client.sent("u", b"delayed", props={"TIMER_DELAY_MS": "2000"})
        client.sent("u", b"fails", queue=1)
        client.send_back(client.next("u", queue=1), "g")
    server.kill9() if kill9 else server.stop()
    shutil.rmtree(server.data / "index")
    server.start()
    check(server, 200)
    with Client(server.broker) as client:
        assert client.next("u").body == b"delayed"
        assert client.next("%RETRY%g").body == b"fails"


def test_with_an_older_index(own_server, tmp_path):
    """As after a loss of power: the index is flushed less often than the log."""
    server = own_server()
    with Client(server.broker) as client:
        fill(client)
    server.stop()
    shutil.copytree(server.data / "index", tmp_path / "older")
    server.start()
    with Client(server.broker) as client:
        fill(client, 200)
    server.kill9()
    shutil.rmtree(server.data / "index")
    shutil.copytree(tmp_path / "older", server.data / "index")
    server.start()
    check(server, 400)
    with Client(server.broker) as client:
        assert client.sent("t", b"400")[1] == 400
