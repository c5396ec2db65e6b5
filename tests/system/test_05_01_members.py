# SPDX-License-Identifier: Apache-2.0
"""A heartbeat makes a client a member of its group; GET_CONSUMER_LIST_BY_GROUP names all members."""
import codec
import pytest


def test_nobody(client, group):
    answer = client.call(codec.CONSUMER_LIST, {"consumerGroup": group})
    assert answer.code == codec.SYSTEM_ERROR and answer.remark


def test_members_are_named(server, connect, client, topic, group):
    for name in ("10.0.0.1@1", "10.0.0.2@2#77", "10.0.0.3@三"):
        assert connect(server.broker).beat(name, group, [topic]).code == codec.OK
    assert client.members(group) == ["10.0.0.1@1", "10.0.0.2@2#77", "10.0.0.3@三"]


def test_one_client_in_several_groups(client, topic, new_name):
    groups = [new_name("group") for _ in range(3)]
    consumers = [codec.consumer_data(name, [codec.subscription(topic)]) for name in groups]
    assert client.call(codec.HEARTBEAT, {}, codec.heartbeat_body("c1", consumers, ["p1"])).code == codec.OK
    assert all(client.members(name) == ["c1"] for name in groups)


def test_repeated_heartbeats_change_nothing(client, topic, group):
    for _ in range(5):
        client.beat("c1", group, [topic])
    assert client.members(group) == ["c1"]


def test_producers_are_no_members(client, group):
    assert client.beat("p1", producers=[group]).code == codec.OK
    assert client.members(group) == []


def test_version_of_the_answer(client, topic, group):
    """Stored by clients: 4.x wants at least 233 before it trusts newer features."""
    assert client.beat("c1", group, [topic]).version >= 233


@pytest.mark.ours
def test_heartbeats_are_answered_with_the_servers_name(client, topic, group):
    """By this the library of Tidings knows that it talks to Tidings."""
    assert "TIDINGS" in client.beat("c1", group, [topic]).ext
