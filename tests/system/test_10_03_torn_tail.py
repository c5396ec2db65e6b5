# SPDX-License-Identifier: Apache-2.0
"""A record that was half written when the power went is cut: it was never acknowledged. The rest stays."""
import shutil

import pytest
from client import Client
from logfiles import changed_range, contents

pytestmark = pytest.mark.ours
BODIES = [f"{i}".encode() * 20 for i in range(20)]


def tear(server, tmp_path, share):
    """Leaves the folder as if power had gone when `share` of one more record's bytes were on the disk."""
    server.stop()
    before = contents(server.data)
    shutil.copytree(server.data, tmp_path / "saved")
    server.start()
    with Client(server.broker) as client:
        client.sent("t", b"the record that is torn " * 10)
    server.kill9()
    name, first, last = changed_range(before, contents(server.data))
    whole = (server.data / "log" / name).read_bytes()
    shutil.rmtree(server.data)
    shutil.copytree(tmp_path / "saved", server.data)
    cut = first + int((last - first) * share)
    (server.data / "log" / name).write_bytes(whole[:cut] + before[name][cut:])


@pytest.mark.parametrize("share", [0, 0.02, 0.1, 0.3, 0.6, 0.9, 0.99])
def test_tail_is_cut(own_server, tmp_path, share):
    server = own_server()
    with Client(server.broker) as client:
        for body in BODIES:
            client.sent("t", body)
    tear(server, tmp_path, share)
    server.start()
    with Client(server.broker) as client:
        assert [message.body for message in client.read("t")] == BODIES
        assert client.sent("t", b"next")[1] == 20
    server.restart(kill9=True)
    with Client(server.broker) as client:
        assert client.read("t", offset=20)[0].body == b"next"


def test_garbage_behind_the_end(own_server):
    server = own_server()
    with Client(server.broker) as client:
        client.made_topic("t")
    server.stop()
    before = contents(server.data)
    server.start()
    with Client(server.broker) as client:
        for body in BODIES:
            client.sent("t", body)
    server.kill9()
    name, _, last = changed_range(before, contents(server.data))
    last = (last + 64) // 8 * 8
    with open(server.data / "log" / name, "r+b") as file:
        file.seek(last)
        file.write(b"\xa5\x17" * 500)
    server.start()
    with Client(server.broker) as client:
        assert [message.body for message in client.read("t")] == BODIES
        assert client.sent("t", b"next")[1] == 20
    server.restart(kill9=True)
    with Client(server.broker) as client:
        assert len(client.read("t")) == 21
