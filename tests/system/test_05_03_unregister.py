# SPDX-License-Identifier: Apache-2.0
"""UNREGISTER_CLIENT takes a client out of the groups that it names; C++ names them with empty strings."""
import codec
import pytest


def test_consumer_leaves(client, topic, group):
    client.beat("c1", group, [topic], producers=["p"])
    assert client.leave("c1", group).code == codec.OK
    assert client.members(group) == []


def test_producer_leaves_and_the_consumer_stays(client, topic, group):
    client.beat("c1", group, [topic], producers=[group])
    assert client.leave("c1", producer=group).code == codec.OK
    assert client.members(group) == ["c1"]


@pytest.mark.parametrize("consumer", ["", None])
def test_empty_names(client, topic, group, consumer):
    client.beat("c1", group, [topic])
    assert client.leave("c1", consumer, "p").code == codec.OK
    assert client.members(group) == ["c1"]


def test_who_was_never_there(server, connect, client, topic, group):
    client.beat("c1", group, [topic])
    assert connect(server.broker).leave("stranger", group, group).code == codec.OK
    assert client.members(group) == ["c1"]


def test_leaves_and_comes_back(client, topic, group):
    for _ in range(3):
        client.beat("c1", group, [topic])
        assert client.members(group) == ["c1"]
        client.leave("c1", group)
        assert client.members(group) == []
