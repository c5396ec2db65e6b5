# SPDX-License-Identifier: Apache-2.0
"""The registry goes by client id: a second connection of a client, such as its VIP channel, is no second member."""
import codec
from client import wait_until


def test_vip_connection_closes(server, connect, client, topic, group):
    client.beat("c1", group, [topic])
    vip = connect(server.vip)
    assert vip.members(group) == ["c1"]
    vip.close()
    assert connect(server.vip).members(group) == ["c1"]
    assert len(client.pushed(codec.IDS_CHANGED)) <= 1  # the one about its own coming


def test_equal_client_ids_count_as_one(server, connect, topic, group):
    first, second = connect(server.broker), connect(server.broker)
    first.beat("same", group, [topic])
    second.beat("same", group, [topic])
    assert first.members(group) in (["same"], ["same", "same"])
    first.leave("same", group)
    second.leave("same", group)
    wait_until(lambda: second.members(group) == [])


def test_reconnect(server, connect, client, topic, group):
    """The new connection's heartbeat may come before the old one's end is seen: the member stays."""
    old = connect(server.broker)
    old.beat("c1", group, [topic])
    new = connect(server.broker)
    new.beat("c1", group, [topic])
    old.close()
    for _ in range(100):
        assert set(client.members(group)) == {"c1"}
    wait_until(lambda: client.members(group) == ["c1"])
    new.beat("c1", group, [topic])
    assert client.members(group) == ["c1"]
    new.close()
    wait_until(lambda: client.members(group) == [])
