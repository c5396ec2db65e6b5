# SPDX-License-Identifier: Apache-2.0
"""A folder in use is refused to a second server, which says so and touches nothing."""
import pytest
from client import Client
from server import run

pytestmark = pytest.mark.ours


def test_second_server(own_server):
    server = own_server()
    with Client(server.broker) as client:
        client.sent("t", b"1")
        second = run("serve", "--data", server.data, "--namesrv-port", 0, "--broker-port", 0, "--http-port", 0)
        assert second.returncode not in (0, None) and second.returncode > 0
        assert str(server.data) in second.stderr
        assert not second.stdout.startswith("ready")
        client.sent("t", b"2")
    server.restart(kill9=True)
    with Client(server.broker) as client:
        assert [m.body for m in client.read("t")] == [b"1", b"2"]


def test_folder_is_free_after_a_kill(own_server):
    own_server().restart(kill9=True)
