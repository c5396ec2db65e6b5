# SPDX-License-Identifier: Apache-2.0
"""Half messages: nobody sees them before the commit, a decision is made once, and it survives the server."""
import codec
import pytest
from transactions import END, RESUME, end, half, transactions


def test_commit_makes_it_visible(client, topic):
    client.made_topic(topic, queues=1)
    client.sent(topic, b"before")
    waiting = half(client, topic, b"paid", KEYS="k1")
    assert client.max_offset(topic) == 1
    assert client.query(topic, "k1").code == codec.NOT_FOUND
    client.sent(topic, b"between")
    assert end(client, waiting, 8).code == codec.OK
    before, between, paid = client.read(topic, count=3)
    assert (paid.body, paid.offset) == (b"paid", 2)
    assert paid.sys_flag & 12 == 8
    assert "TRAN_MSG" not in paid.properties and paid.properties["PGROUP"] == waiting.group
    assert paid.prepared == waiting.position
    assert codec.decode_messages(client.query(topic, "k1").body)[0].body == b"paid"


def test_second_commit_stores_nothing(client, topic):
    client.made_topic(topic, queues=1)
    waiting = half(client, topic)
    for _ in range(3):
        assert end(client, waiting, 8).code == codec.OK
    assert end(client, waiting, 12).code == codec.OK  # too late: it stands
    client.sent(topic, b"behind")
    assert [m.body for m in client.read(topic, count=2)] == [b"half", b"behind"]


def test_rollback_discards_it(client, topic):
    client.made_topic(topic, queues=1)
    waiting = half(client, topic)
    assert end(client, waiting, 12).code == codec.OK
    assert end(client, waiting, 8).code == codec.OK  # too late
    client.sent(topic, b"behind")
    assert [m.body for m in client.read(topic, count=1)] == [b"behind"]
    assert client.max_offset(topic) == 1


def test_unknown_leaves_it_undecided(client, topic):
    client.made_topic(topic, queues=1)
    waiting = half(client, topic)
    assert end(client, waiting, 0).code == codec.OK
    assert client.max_offset(topic) == 0
    assert end(client, waiting, 8).code == codec.OK
    assert client.max_offset(topic) == 1


@pytest.mark.parametrize("change", [{"producerGroup": "somebody_else"}, {"tranStateTableOffset": "1"},
                                    {"commitLogOffset": "0"}, {"commitLogOffset": "-8"},
                                    {"commitLogOffset": "999999999999"}, {"commitOrRollback": "7"}])
def test_wrong_ends_are_refused(client, topic, change):
    client.made_topic(topic, queues=1)
    waiting = half(client, topic)
    answer = client.call(END, {**waiting.ext(8), **change})
    assert answer.code == codec.SYSTEM_ERROR and answer.remark
    assert client.max_offset(topic) == 0
    assert end(client, waiting, 8).code == codec.OK


def test_ordinary_message_is_no_half(client, topic):
    client.made_topic(topic, queues=1)
    _, _, position = client.sent(topic, b"plain", props={"PGROUP": "g"})
    answer = client.call(END, {"producerGroup": "g", "tranStateTableOffset": str(position),
                               "commitLogOffset": str(position), "commitOrRollback": "8", "msgId": ""})
    assert answer.code == codec.SYSTEM_ERROR
    assert client.max_offset(topic) == 1


def test_one_way_end(client, topic):
    client.made_topic(topic, queues=1)
    waiting = half(client, topic)
    client.post(END, waiting.ext(8))
    assert client.next(topic).body == b"half"


def test_delay_of_a_half_is_dropped(client, topic):
    client.made_topic(topic, queues=1)
    waiting = half(client, topic, DELAY="18", TIMER_DELAY_MS="60000")
    assert end(client, waiting, 8).code == codec.OK
    message = client.next(topic)
    assert "DELAY" not in message.properties and "TIMER_DELAY_MS" not in message.properties


def test_a_half_needs_its_group(client, topic):
    client.made_topic(topic, queues=1)
    answer = client.send(topic, b"half", props={"TRAN_MSG": "true"}, f="4")
    assert answer.code == codec.ILLEGAL and "PGROUP" in answer.remark


def test_held_pull_is_woken_by_the_commit(client, topic, connect, server):
    client.made_topic(topic, queues=1)
    waiting = half(client, topic)
    reader = connect(server.broker)
    opaque = reader.begin_pull(topic)
    assert end(client, waiting, 8).code == codec.OK
    assert codec.decode_messages(reader.finish(opaque).body)[0].body == b"half"


@pytest.mark.parametrize("kill9", [True, False])
def test_survives(own_server, kill9):
    server = own_server("--transaction-checks", "1h")
    from client import Client
    with Client(server.broker) as client:
        client.made_topic("t", queues=1)
        undecided, committed, discarded = half(client, "t", b"u"), half(client, "t", b"c"), half(client, "t", b"d")
        assert end(client, committed, 8).code == codec.OK
        assert end(client, discarded, 12).code == codec.OK
    for _ in range(2):
        server.restart(kill9=kill9)
    with Client(server.broker) as client:
        assert [m.body for m in client.read("t", count=1)] == [b"c"]
        told = transactions(client)
        assert (told["undecided"], told["parked"]) == (1, 0)
        assert told["transactions"][0]["topic"] == "t"
        for waiting in (committed, discarded):
            assert end(client, waiting, 8).code == codec.OK
        assert client.max_offset("t") == 1
        assert end(client, undecided, 8).code == codec.OK
        assert [m.body for m in client.read("t", count=2)] == [b"c", b"u"]
        assert transactions(client)["undecided"] == 0
        assert client.call(RESUME, {"msgId": undecided.id}).code == codec.SYSTEM_ERROR
