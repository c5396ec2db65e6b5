# SPDX-License-Identifier: Apache-2.0
"""Bodies up to 4 MiB are taken whole; one byte more is refused and the connection lives on."""
import codec
import pytest

MIB = 1024 * 1024


@pytest.mark.parametrize("size", [0, 1, 4096, 65536, 4 * MIB - 70000])
def test_body_of_size(client, topic, size):
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    client.sent(topic, body)
    assert client.next(topic).stored_body == body


@pytest.mark.ours
def test_exactly_the_limit(client, topic):
    body = b"m" * (4 * MIB)
    client.sent(topic, body)
    assert client.next(topic).body == body


@pytest.mark.parametrize("size", [4 * MIB + 1, 5 * MIB, 15 * MIB])
def test_over_the_limit(client, topic, size):
    client.made_topic(topic)
    answer = client.send(topic, b"m" * size)
    assert answer.code == codec.ILLEGAL and answer.remark
    assert client.sent(topic, b"next")[1] == 0


def test_batch_over_the_limit(client, topic):
    client.made_topic(topic)
    assert client.send_batch(topic, [(b"m" * MIB, {}) for _ in range(5)]).code == codec.ILLEGAL
    assert client.sent(topic, b"next")[1] == 0
