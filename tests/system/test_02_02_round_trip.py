# SPDX-License-Identifier: Apache-2.0
"""A message comes back as it was sent, with the times and addresses the server knows."""
import time

import pytest


def test_all_fields(client, server, topic):
    before_ms = int(time.time() * 1000)
    props = {"KEYS": "k1 k2", "TAGS": "tag", "user": "值 ü ✓", "empty": "", "equals": "a=b&c"}
    queue, offset, position = client.sent(topic, b"\x00\x01\x02\xff body", 3, props, h=77, g=1600000000001,
                                          a="some_producer")
    message = client.next(topic, queue=3)
    assert (message.topic, message.queue_id, message.offset, message.position) == (topic, queue, offset, position)
    assert message.body == b"\x00\x01\x02\xff body"
    assert (message.flag, message.born_ms, message.sys_flag, message.reconsume) == (77, 1600000000001, 0, 0)
    assert message.prepared == 0
    assert before_ms - 1000 <= message.store_ms <= time.time() * 1000 + 1000
    assert message.born_host == client.socket.getsockname()
    assert "%s:%d" % message.store_host == server.broker
    for name, value in props.items():
        if value:
            assert message.properties[name] == value


@pytest.mark.parametrize("flag", [-1, -2 ** 31, 2 ** 31 - 1])
def test_extreme_user_flags(client, topic, flag):
    client.sent(topic, h=flag)
    assert client.next(topic).flag == flag


@pytest.mark.parametrize("born_ms", [0, 1, 2 ** 62])
def test_extreme_born_times(client, topic, born_ms):
    client.sent(topic, g=born_ms)
    assert client.next(topic).born_ms == born_ms


def test_every_byte_in_a_body(client, topic):
    body = bytes(range(256)) * 33
    client.sent(topic, body)
    assert client.next(topic).body == body


def test_long_properties(client, topic):
    props = {f"name{i}": "v" * 1000 for i in range(31)}
    client.sent(topic, props=props)
    properties = client.next(topic).properties
    assert {name: properties[name] for name in props} == props
