# SPDX-License-Identifier: Apache-2.0
"""Without an expression of its own a pull is filtered by its group's heartbeat."""
import codec
from client import wait_until


def fill(client, topic):
    for tag in ("A", "B", "C"):
        client.sent(topic, tag.encode(), props={"TAGS": tag})
    client.read(topic, count=3)


def bodies(answer):
    assert answer.code == codec.OK, answer
    return [message.body for message in codec.decode_messages(answer.body)]


def test_no_heartbeat_yet(client, topic, group):
    fill(client, topic)
    assert client.pull(topic, group=group, expression=None).code == codec.NO_SUBSCRIPTION


def test_topic_that_the_group_does_not_hear(client, topic, group, new_name):
    fill(client, topic)
    client.beat("c1", group, [new_name("topic")])
    assert client.pull(topic, group=group, expression=None).code == codec.NO_SUBSCRIPTION


def test_filtered_by_the_heartbeat(client, topic, group):
    fill(client, topic)
    client.beat("c1", group, [codec.subscription(topic, "A || C")])
    assert bodies(client.pull(topic, group=group, expression=None)) == [b"A", b"C"]


def test_newer_version_replaces(client, topic, group):
    fill(client, topic)
    client.beat("c1", group, [codec.subscription(topic, "A", version=1)])
    client.beat("c1", group, [codec.subscription(topic, "B", version=2)])
    wait_until(lambda: bodies(client.pull(topic, group=group, expression=None)) == [b"B"])
    client.beat("c1", group, [codec.subscription(topic, "C", version=1)])  # older: ignored
    assert bodies(client.pull(topic, group=group, expression=None)) == [b"B"]


def test_pull_that_knows_a_newer_version(client, topic, group):
    fill(client, topic)
    client.beat("c1", group, [codec.subscription(topic, "A", version=5)])
    assert client.pull(topic, group=group, expression=None, subVersion=5).code == codec.OK
    assert client.pull(topic, group=group, expression=None, subVersion=6).code == codec.OLD_SUBSCRIPTION


def test_expression_in_the_request_goes_first(client, topic, group):
    fill(client, topic)
    client.beat("c1", group, [codec.subscription(topic, "A")])
    assert bodies(client.pull(topic, group=group, expression="B")) == [b"B"]
