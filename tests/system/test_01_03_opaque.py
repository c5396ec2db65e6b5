# SPDX-License-Identifier: Apache-2.0
"""Each answer carries the opaque of its request, whatever number that is, however many are in flight."""
import codec


def test_extreme_numbers_come_back(client, topic):
    client.made_topic(topic)
    for opaque in (0, 1, -1, 2 ** 31 - 1, -2 ** 31):
        client.begin(codec.MAX_OFFSET, {"topic": topic, "queueId": "0"}, opaque=opaque)
        assert client.finish(opaque).ext["offset"] == "0"


def test_three_hundred_requests_in_flight(client, topic):
    client.made_topic(topic)
    asked = [client.begin(codec.SEND_V2, client.send_ext(topic), f"{i}".encode()) for i in range(300)]
    positions = {client.finish(opaque).ext["msgId"] for opaque in asked}
    assert len(positions) == 300
    assert not client.strays


def test_a_held_pull_does_not_hold_up_its_connection(client, topic):
    client.made_topic(topic)
    held = client.begin_pull(topic)
    for _ in range(5):
        assert client.max_offset(topic, queue=1) == 0
    assert not client.is_answered(held)
    client.sent(topic)
    assert client.finish(held).code == codec.OK
