# SPDX-License-Identifier: Apache-2.0
"""Logs are logfmt lines on standard error, as many as the level allows."""
import re

import codec
import pytest
from client import Client

pytestmark = pytest.mark.ours
LINE = re.compile(r'[a-z_]+=("([^"\\]|\\.)*"|[^\s"=]*)( [a-zA-Z_]+=("([^"\\]|\\.)*"|[^\s"=]*))*')


@pytest.mark.parametrize("level", ["debug", "info", "warn", "error"])
def test_every_line_is_logfmt(own_server, level):
    server = own_server("--log-level", level)
    with Client(server.broker) as client:
        client.sent("t")
        client.send('bad "name"\nwith\x1b[31m colours')
        client.call(9999)
        client.beat('client "with" quotes\nand lines', "g", ["t"])
        client.write(b"\xff" * 50)
        client.wait_closed()
    server.restart(kill9=True)
    server.stop()
    lines = server.stderr().splitlines()
    for line in lines:
        assert LINE.fullmatch(line), line
        assert "\x1b" not in line
    found = {re.search(r"level=(\w+)", line)[1] for line in lines}
    order = ["debug", "info", "warn", "error"]
    assert found <= set(order[order.index(level):])


def test_messages_are_not_in_the_log(own_server):
    server = own_server("--log-level", "debug")
    with Client(server.broker) as client:
        client.sent("t", b"secret body", props={"user": "secret property"})
        client.read("t")
        assert client.call(codec.SEND_V2, {"b": "t"}, b"secret body").code != codec.OK
    server.stop()
    assert "secret" not in server.stderr()
