# SPDX-License-Identifier: Apache-2.0
"""A compressed body is kept as it came, with its flag; the consumer unpacks it."""
import zlib

import codec
from codec import COMPRESSED


def test_zlib_body(client, topic):
    body = b"twenty thousand bytes " * 1000
    packed = zlib.compress(body, 5)
    client.sent(topic, packed, f=COMPRESSED)
    message = client.next(topic)
    assert message.sys_flag & COMPRESSED
    assert message.stored_body == packed
    assert message.body == body


def test_flag_that_lies_is_the_consumers_matter(client, topic):
    """RocketMQ's broker never looks inside either."""
    client.sent(topic, b"not compressed at all", f=COMPRESSED)
    assert client.next(topic).stored_body == b"not compressed at all"


def test_compression_type_bits_of_5_x_are_kept(client, topic):
    packed = zlib.compress(b"with type bits " * 500)
    client.sent(topic, packed, f=COMPRESSED | 0x300)
    message = client.next(topic)
    assert message.sys_flag & 0x701 == 0x301
    assert message.body == b"with type bits " * 500


def test_compressed_and_plain_side_by_side(client, topic):
    client.sent(topic, zlib.compress(b"A" * 5000), f=COMPRESSED, props={"TAGS": "packed"})
    client.sent(topic, b"B" * 5000, props={"TAGS": "plain"})
    found = client.read(topic, count=2)
    assert [message.body for message in found] == [b"A" * 5000, b"B" * 5000]
    assert [message.sys_flag for message in found] == [codec.COMPRESSED, 0]
