# SPDX-License-Identifier: Apache-2.0
"""A queue's lock belongs to one client of a group; the answer names what the asker holds now."""


def test_second_asker_gets_nothing(client, topic, group):
    client.made_topic(topic)
    assert client.lock("c1", group, topic, [0, 1, 2, 3]) == [0, 1, 2, 3]
    assert client.lock("c2", group, topic, [0, 1, 2, 3]) == []


def test_owner_locks_again(client, topic, group):
    client.made_topic(topic)
    for _ in range(3):
        assert client.lock("c1", group, topic, [0, 1]) == [0, 1]


def test_only_what_is_free(client, topic, group):
    client.made_topic(topic)
    client.lock("c1", group, topic, [1, 3])
    assert client.lock("c2", group, topic, [0, 1, 2, 3]) == [0, 2]


def test_groups_do_not_meet(client, topic, new_name):
    client.made_topic(topic)
    first, second = new_name("group"), new_name("group")
    assert client.lock("c1", first, topic, [0]) == [0]
    assert client.lock("c2", second, topic, [0]) == [0]


def test_topics_do_not_meet(client, group, new_name):
    first, second = client.made_topic(new_name("topic")), client.made_topic(new_name("topic"))
    assert client.lock("c1", group, first, [0]) == [0]
    assert client.lock("c2", group, second, [0]) == [0]


def test_empty_request(client, topic, group):
    client.made_topic(topic)
    assert client.lock("c1", group, topic, []) == []


def test_main_and_vip_port_share_locks(server, connect, client, topic, group):
    client.made_topic(topic)
    assert client.lock("c1", group, topic, [0]) == [0]
    assert connect(server.vip).lock("c2", group, topic, [0, 1]) == [1]
