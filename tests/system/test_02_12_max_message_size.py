# SPDX-License-Identifier: Apache-2.0
"""--max-message-size sets the limit of a body."""
import codec
import pytest

FLAGS = ("--max-message-size", "10000")
pytestmark = pytest.mark.ours


def test_limit(client, topic):
    client.sent(topic, b"m" * 10000)
    assert client.send(topic, b"m" * 10001).code == codec.ILLEGAL
    assert len(client.next(topic).body) == 10000
