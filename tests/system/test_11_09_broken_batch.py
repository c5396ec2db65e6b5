# SPDX-License-Identifier: Apache-2.0
"""A batch with a broken item is refused as a whole: nothing of it is stored, the connection lives on."""
import struct

import codec
import pytest

pytestmark = pytest.mark.ours  # RocketMQ 4.9 does not look at the size of an item
GOOD = codec.encode_batch_item(b"good", b"TAGS\x01t\x02")


def item(size=None, body_len=None, props_len=None, body=b"bad", props=b"KEYS\x01k"):
    size = 22 + len(body) + len(props) if size is None else size
    body_len = len(body) if body_len is None else body_len
    props_len = len(props) if props_len is None else props_len
    return struct.pack(">iiiii", size, 0, 0, 0, body_len) + body + struct.pack(">h", props_len) + props


BROKEN = {
    "cut in the body": item()[:22], "cut in the length": item()[:3], "cut in the properties": item()[:-1],
    "size too small": item(size=10), "size zero": item(size=0), "size negative": item(size=-1),
    "size too large": item(size=1 << 30), "size largest": item(size=2 ** 31 - 1),
    "body negative": item(body_len=-1), "body too long": item(body_len=1000), "body longest": item(body_len=2 ** 31 - 1),
    "body too short": item(body_len=1), "properties negative": item(props_len=-1),
    "properties too long": item(props_len=30000), "properties too short": item(props_len=2),
    "noise": b"\xff" * 40, "one byte": b"x",
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_broken_item(client, topic, name, place):
    client.made_topic(topic)
    bad = BROKEN[name]
    body = {"first": bad + GOOD, "middle": GOOD + bad + GOOD, "last": GOOD + GOOD + bad}[place]
    answer = client.send_batch(topic, body)
    assert answer.code in (codec.ILLEGAL, codec.SYSTEM_ERROR) and answer.remark
    assert client.max_offset(topic) == 0
    assert client.sent(topic, b"next")[1] == 0


def test_no_items(client, topic):
    client.made_topic(topic)
    assert client.send_batch(topic, b"").code in (codec.ILLEGAL, codec.SYSTEM_ERROR)
    assert client.max_offset(topic) == 0


def test_item_whose_properties_grow_too_long(client, topic):
    client.made_topic(topic)
    body = GOOD + codec.encode_batch_item(b"x", b"k\x01" + b"v" * 32000)
    assert client.send_batch(topic, body, props={"big": "w" * 5000}).code == codec.ILLEGAL
    assert client.max_offset(topic) == 0


def test_compressed_batch_is_refused_or_whole(client, topic):
    """No client sends one; if it is taken, items must not be told to be compressed by the batch's flag."""
    client.made_topic(topic)
    answer = client.send_batch(topic, [(b"plain item", {})], f=codec.COMPRESSED)
    if answer.code == codec.OK:
        assert client.next(topic).stored_body == b"plain item"
