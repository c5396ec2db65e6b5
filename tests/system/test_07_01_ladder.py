# SPDX-License-Identifier: Apache-2.0
"""A message that is given back climbs the broker's ladder and ends in the dead letters."""
import zlib

import codec
import pytest
from retries import check_delays, climb, dead_letters

FLAGS = ("--retry-ladder", "300ms 700ms 1s")
pytestmark = pytest.mark.ours


def test_every_rung_then_dead(client, topic, group):
    client.sent(topic, b"fails", props={"KEYS": "k", "TAGS": "t", "user": "u"})
    done = climb(client, topic, group)
    check_delays(done.delays_s, [0.3, 0.7, 1.0])
    assert [message.reconsume for message in done.deliveries] == [1, 2, 3]
    assert done.dead.body == b"fails"


def test_what_a_retry_carries(client, topic, group):
    queue, offset, position = client.sent(topic, b"fails", 2, {"KEYS": "k", "TAGS": "t", "user": "u"}, h=9,
                                          g=1234567890123)
    first = client.next(topic, offset, queue)
    for message in climb(client, topic, group, first).deliveries:
        assert message.topic == f"%RETRY%{group}"
        assert (message.body, message.flag, message.born_ms) == (b"fails", 9, 1234567890123)
        assert message.born_host == first.born_host
        properties = message.properties
        assert properties["RETRY_TOPIC"] == topic  # clients show this as the topic
        assert codec.parse_message_id(properties["ORIGIN_MESSAGE_ID"])[2] == position
        assert [properties[name] for name in ("KEYS", "TAGS", "user")] == ["k", "t", "u"]
        assert "DELAY" not in properties


def test_messages_climb_independently(client, topic, group):
    for i in range(5):
        client.sent(topic, f"{i}".encode())
    for message in client.read(topic, count=5):
        assert client.send_back(message, group).code == codec.OK
    found = client.read(f"%RETRY%{group}", count=5)
    assert sorted(message.body for message in found) == [b"0", b"1", b"2", b"3", b"4"]
    assert client.send_back(found[0], group).code == codec.OK
    again = client.next(f"%RETRY%{group}", 5)
    assert (again.body, again.reconsume) == (found[0].body, 2)
    assert dead_letters(client, group) == []


def test_two_groups_climb_independently(client, topic, new_name):
    client.sent(topic, b"x")
    for group in (new_name("group"), new_name("group")):
        check_delays(climb(client, topic, group).delays_s, [0.3, 0.7, 1.0])


def test_the_original_stays_where_it_is(client, topic, group):
    client.sent(topic, b"original")
    client.send_back(client.next(topic), group)
    assert client.next(topic).body == b"original"
    client.next(f"%RETRY%{group}")
    assert client.max_offset(topic) == 1


def test_waiting_messages_cannot_be_seen(client, topic, group):
    client.sent(topic)
    client.send_back(client.next(topic), group, level=18)  # 2 h
    assert client.max_offset(f"%RETRY%{group}") == 0
    assert client.pull(f"%RETRY%{group}").code == codec.PULL_NOTHING


def test_body_stays_compressed(client, topic, group):
    client.sent(topic, zlib.compress(b"long " * 2000), f=codec.COMPRESSED)
    client.send_back(client.next(topic), group)
    message = client.next(f"%RETRY%{group}")
    assert message.sys_flag & codec.COMPRESSED and message.body == b"long " * 2000
