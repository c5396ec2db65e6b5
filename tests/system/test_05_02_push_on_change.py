# SPDX-License-Identifier: Apache-2.0
"""Whoever joins or leaves, all members of the group are told at once (NOTIFY_CONSUMER_IDS_CHANGED, 40)."""
import codec


def changed(client, group):
    frame = client.wait_pushed(codec.IDS_CHANGED)
    assert frame.ext["consumerGroup"] == group
    assert frame.flag & codec.FLAG_ONE_WAY
    return frame


def test_join(server, connect, topic, group):
    first, second = connect(server.broker), connect(server.broker)
    first.beat("c1", group, [topic])
    changed(first, group)
    second.beat("c2", group, [topic])
    changed(first, group)
    changed(second, group)
    assert first.members(group) == ["c1", "c2"]


def test_connection_closed(server, connect, topic, group):
    first, second = connect(server.broker), connect(server.broker)
    first.beat("c1", group, [topic])
    second.beat("c2", group, [topic])
    changed(first, group)
    changed(first, group)
    second.close()
    changed(first, group)
    assert first.members(group) == ["c1"]


def test_leave_by_request(server, connect, topic, group):
    first, second = connect(server.broker), connect(server.broker)
    first.beat("c1", group, [topic])
    second.beat("c2", group, [topic])
    changed(first, group)
    changed(first, group)
    assert second.leave("c2", group).code == codec.OK
    changed(first, group)
    assert first.members(group) == ["c1"]


def test_subscription_changed(client, topic, group, new_name):
    client.beat("c1", group, [codec.subscription(topic, "A", version=1)])
    changed(client, group)
    client.beat("c1", group, [codec.subscription(topic, "A", version=1),
                              codec.subscription(new_name("topic"), version=1)])
    changed(client, group)


def test_nothing_changed(server, connect, topic, group):
    first, second = connect(server.broker), connect(server.broker)
    first.beat("c1", group, [codec.subscription(topic)])
    second.beat("c2", group, [codec.subscription(topic)])
    changed(first, group)
    changed(first, group)
    for _ in range(10):
        first.beat("c1", group, [codec.subscription(topic)])
    assert first.members(group) == ["c1", "c2"]
    assert not first.pushed(codec.IDS_CHANGED)


def test_other_groups_are_left_in_peace(server, connect, topic, new_name):
    first, second = connect(server.broker), connect(server.broker)
    one, other = new_name("group"), new_name("group")
    first.beat("c1", one, [topic])
    changed(first, one)
    second.beat("c2", other, [topic])
    changed(second, other)
    assert first.members(one) == ["c1"]
    assert not first.pushed(codec.IDS_CHANGED)


def test_group_that_wants_no_push(client, server, connect, topic, group):
    client.update_group(group, notifyConsumerIdsChangedEnable=False)
    first, second = connect(server.broker), connect(server.broker)
    first.beat("c1", group, [topic])
    second.beat("c2", group, [topic])
    assert first.members(group) == ["c1", "c2"]
    assert not first.pushed(codec.IDS_CHANGED) and not second.pushed(codec.IDS_CHANGED)
