# SPDX-License-Identifier: Apache-2.0
"""Ten thousand idle connections: the server goes on answering all."""
import resource
import socket

import codec
import pytest
from client import Client, wait_until

IDLE = 10_000
pytestmark = pytest.mark.ours


@pytest.fixture(name="many_files", scope="module", autouse=True)
def fixture_many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), max(hard, wanted)))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(hard, wanted)))


def test_ten_thousand_idle_connections(own_server):
    server = own_server()
    host, port = server.broker.rsplit(":", 1)
    before_kb = server.resident_kb()
    idle = [socket.create_connection((host, int(port)), timeout=60) for _ in range(IDLE)]
    try:
        with Client(server.broker) as client:
            for i in range(100):
                assert client.sent("crowd", f"{i}".encode())[1] == i
            assert len(client.read("crowd")) == 100
        print(f"{IDLE} idle connections cost {(server.resident_kb() - before_kb) // 1024} MiB")
        frame = codec.encode(codec.Frame(codec.HEARTBEAT, {}, codec.heartbeat_body("one of many"), opaque=5))
        for one in idle[::100]:  # and each of them is alive
            one.sendall(frame)
            assert one.recv(4)
    finally:
        for one in idle:
            one.close()
    with Client(server.broker) as client:
        assert client.sent("crowd")[1] == 100
        wait_until(lambda: client.beat("after the crowd").code == codec.OK)


def test_more_connections_than_allowed(own_server):
    """The limit refuses newcomers; who is in is served, and places that become free can be had again."""
    server = own_server("--connections", "50")
    inside = [Client(server.broker) for _ in range(40)]
    crowd = []
    host, port = server.broker.rsplit(":", 1)
    for _ in range(100):
        try:
            crowd.append(socket.create_connection((host, int(port)), timeout=5))
        except OSError:
            break
    assert all(one.beat("inside").code == codec.OK for one in inside)
    for one in crowd:
        one.close()

    def served():
        try:
            with Client(server.broker, timeout_s=5) as client:
                return client.beat("newcomer").code == codec.OK
        except (OSError, TimeoutError):
            return False

    wait_until(served, what="a place becoming free")
    for one in inside:
        one.close()
