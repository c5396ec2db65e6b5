# SPDX-License-Identifier: Apache-2.0
"""`ready …` is the one line on standard output, and true: all ports accept by then."""
import re
import socket

import pytest

pytestmark = pytest.mark.ours


def test_fields(server):
    assert re.fullmatch(r"ready( [a-z]+=\S+)+\n", server.ready_line)
    for name in ("namesrv", "broker", "vip", "http"):
        assert re.fullmatch(r"127\.0\.0\.1:[1-9][0-9]*", server.fields[name])
    assert server.fields["data"] == str(server.data)


def test_every_port_accepts(own_server):
    for _ in range(5):
        server = own_server()
        for name in ("namesrv", "broker", "vip", "http"):
            host, port = server.fields[name].rsplit(":", 1)
            socket.create_connection((host, int(port)), timeout=60).close()
        server.stop()


def test_vip_port(server):
    assert int(server.broker.rsplit(":", 1)[1]) - int(server.vip.rsplit(":", 1)[1]) == 2


def test_nothing_else_on_standard_output(own_server):
    server = own_server()
    host, port = server.http.rsplit(":", 1)
    socket.create_connection((host, int(port)), timeout=60).close()
    server.process.terminate()
    assert server.process.stdout.read() == b""
    assert server.process.wait(60) == 0
