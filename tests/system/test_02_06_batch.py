# SPDX-License-Identifier: Apache-2.0
"""A batch: one answer, one id for each item, consecutive offsets, each item its own message."""
import codec
import pytest


@pytest.mark.parametrize("code", [codec.SEND_BATCH, codec.SEND_V2], ids=["320", "310 with m=true, as C++"])
def test_items_become_messages(client, topic, code):
    client.sent(topic, b"before", queue=1)
    items = [(f"item {i}".encode() * (i + 1), {"TAGS": f"t{i % 2}", "KEYS": f"key{i}"}) for i in range(10)]
    answer = client.send_batch(topic, items, queue=1, code=code)
    assert answer.code == codec.OK
    assert (answer.ext["queueId"], answer.ext["queueOffset"]) == ("1", "1")
    positions = [codec.parse_message_id(text)[2] for text in answer.ext["msgId"].split(",")]
    assert len(set(positions)) == 10
    found = client.read(topic, offset=1, queue=1, count=10)
    assert [message.body for message in found] == [body for body, _ in items]
    assert [message.offset for message in found] == list(range(1, 11))
    assert [message.position for message in found] == positions
    for message, (_, props) in zip(found, items):
        assert {name: message.properties[name] for name in props} == props


def test_properties_of_the_batch_go_to_every_item(client, topic):
    answer = client.send_batch(topic, [(b"1", {"a": "1"}), (b"2", {})], props={"WAIT": "true", "UNIQ_KEY": "B1"})
    assert answer.code == codec.OK
    for message in client.read(topic, count=2):
        assert message.properties["WAIT"] == "true"
        assert message.properties["UNIQ_KEY"] == "B1"


def test_item_properties_without_a_trailing_separator(client, topic):
    """As 4.9 clients write them; a separator must stand between them and what is appended."""
    body = codec.encode_batch_item(b"1", b"TAGS\x01a\x02KEYS\x01k") + codec.encode_batch_item(b"2", b"TAGS\x01b")
    assert client.send_batch(topic, body, props="WAIT\x01true").code == codec.OK
    first, second = client.read(topic, count=2)
    assert (first.properties["TAGS"], first.properties["KEYS"]) == ("a", "k")
    assert second.properties["TAGS"] == "b"
    assert first.properties["WAIT"] == second.properties["WAIT"] == "true"


def test_a_batch_of_one_and_of_a_thousand(client, topic):
    assert client.send_batch(topic, [(b"one", {})]).code == codec.OK
    answer = client.send_batch(topic, [(f"{i}".encode(), {}) for i in range(1000)])
    assert answer.code == codec.OK
    assert len(answer.ext["msgId"].split(",")) == 1000
    found = client.read(topic, offset=1, count=1000)
    assert [int(message.body) for message in found] == list(range(1000))


def test_item_flags_are_kept(client, topic):
    body = codec.encode_batch_item(b"1", flag=11) + codec.encode_batch_item(b"2", flag=-12)
    assert client.send_batch(topic, body).code == codec.OK
    assert [message.flag for message in client.read(topic, count=2)] == [11, -12]


def test_items_are_filtered_by_their_own_tags(client, topic):
    client.send_batch(topic, [(f"{i}".encode(), {"TAGS": "odd" if i % 2 else "even"}) for i in range(6)])
    client.read(topic, count=6)
    found = codec.decode_messages(client.pull(topic, expression="odd").body)
    assert [message.body for message in found] == [b"1", b"3", b"5"]
