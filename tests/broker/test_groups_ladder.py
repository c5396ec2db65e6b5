# SPDX-License-Identifier: Apache-2.0
"""Heartbeats, membership, locks, the retry ladder, dead letters."""
import json
import time

from remoting import Client, messages


def next_message(client, topic, offset, group, wait=8000):
    answer = client.pull(topic, offset=offset, group=group, suspend=wait)
    assert answer.code == 0, answer
    return messages(answer.body)[0]


def test_members_are_listed_and_told(shared, client, topic, group):
    client.create_topic(topic)
    assert client.call(38, {"consumerGroup": group}).code == 1
    beat = client.heartbeat("c1", group, [(topic, "*")])
    assert beat.code == 0 and "TIDINGS" in beat.ext
    client.wait_push(40)
    other = Client(shared.broker)
    other.heartbeat("c2", group, [(topic, "*")])
    assert client.wait_push(40).ext["consumerGroup"] == group
    listed = json.loads(client.call(38, {"consumerGroup": group}).body)
    assert sorted(listed["consumerIdList"]) == ["c1", "c2"]
    other.close()
    client.wait_push(40)
    assert json.loads(client.call(38, {"consumerGroup": group}).body)["consumerIdList"] == ["c1"]
    client.call(35, {"clientID": "c1", "consumerGroup": group, "producerGroup": ""})
    assert client.call(38, {"consumerGroup": group}).code == 1


def test_a_vip_connection_that_closes_takes_no_member_away(shared, client, topic, group):
    client.create_topic(topic)
    client.heartbeat("c1", group, [(topic, "*")])
    vip = Client(shared.vip)
    vip.call(38, {"consumerGroup": group})
    vip.close()
    time.sleep(0.2)
    assert json.loads(client.call(38, {"consumerGroup": group}).body)["consumerIdList"] == ["c1"]


def test_pull_by_the_subscription_of_the_heartbeat(client, topic, group):
    client.create_topic(topic)
    ext = {"consumerGroup": group, "topic": topic, "queueId": "0", "queueOffset": "0", "maxMsgNums": "32",
           "sysFlag": "0", "commitOffset": "0", "suspendTimeoutMillis": "0", "subVersion": "0"}
    assert client.call(11, ext).code == 24
    client.heartbeat("c1", group, [(topic, "A")])
    client.send(topic, b"b", props={"TAGS": "B"})
    client.send(topic, b"a", props={"TAGS": "A"})
    assert [m.body for m in messages(client.call(11, ext).body)] == [b"a"]
    assert client.call(11, {**ext, "subVersion": str(2 ** 62)}).code == 25


def test_broken_heartbeats_are_refused(client):
    for body in (b"", b"[]", b"{\"clientID\":7}", b"{" * 1000, b"\xff\xfe"):
        assert client.call(34, {}, body).code == 1
    assert client.heartbeat("c1", "bad group name", [("t", "*")]).code == 1


def test_locks_of_queues(client, topic, group):
    def lock(code, client_id):
        body = {"consumerGroup": group, "clientId": client_id,
                "mqSet": [{"topic": topic, "brokerName": "broker-a", "queueId": i} for i in range(2)]}
        return client.call(code, {}, json.dumps(body).encode())
    assert len(json.loads(lock(41, "c1").body)["lockOKMQSet"]) == 2
    assert json.loads(lock(41, "c2").body)["lockOKMQSet"] == []
    assert len(json.loads(lock(41, "c1").body)["lockOKMQSet"]) == 2
    assert lock(42, "c2").code == 0
    assert json.loads(lock(41, "c2").body)["lockOKMQSet"] == []
    lock(42, "c1")
    assert len(json.loads(lock(41, "c2").body)["lockOKMQSet"]) == 2
    assert client.call(41, {}, b"{}").code == 1


def climb(client, topic, group, **back):
    """Gives a message back until it is dead; returns the delays seen and the dead letter."""
    message = next_message(client, topic, 0, group)
    delays, retry, dead = [], f"%RETRY%{group}", f"%DLQ%{group}"
    for step in range(20):
        start = time.time()
        assert client.send_back(message, group, **back).code == 0
        if client.call(105, {"topic": dead}).code == 0:
            return delays, messages(client.pull(dead).body)[0]
        message = next_message(client, retry, step, group)
        delays.append(time.time() - start)
        assert message.reconsume == step + 1
        assert message.properties["RETRY_TOPIC"] == topic
    raise AssertionError("never dead")


def check(delays, expected):
    assert len(delays) == len(expected), delays
    for seen, rung in zip(delays, expected):
        assert rung - 0.002 <= seen < rung + 3, delays


def test_the_ladder_ends_in_the_dead_letters(client, topic, group):
    client.send(topic, b"fails", props={"KEYS": "k"})
    delays, dead = climb(client, topic, group)
    check(delays, [0.2, 0.4, 0.6])
    assert dead.body == b"fails" and dead.topic == f"%DLQ%{group}"
    assert dead.properties["DLQ_ORIGIN_TOPIC"] == topic and dead.properties["KEYS"] == "k"
    assert "last rung" in dead.properties["TIDINGS_DEAD_REASON"]
    assert json.loads(client.call(105, {"topic": f"%DLQ%{group}"}).body)["queueDatas"][0]["perm"] == 6


def test_a_consumers_own_limit_and_level_are_obeyed(client, topic, group):
    client.send(topic)
    delays, dead = climb(client, topic, group, level=1, most=2)
    check(delays, [0.3, 0.3])
    assert "consumer" in dead.properties["TIDINGS_DEAD_REASON"]


def test_level_minus_one_is_dead_at_once(client, topic, group):
    client.send(topic)
    delays, _ = climb(client, topic, group, level=-1)
    assert delays == []


def test_exact_delay_in_milliseconds(client, topic, group):
    client.send(topic)
    delays, _ = climb(client, topic, group, delayMs=150, most=1)
    check(delays, [0.15])


def test_ladders_of_a_group_and_of_a_topic(client, topic, group):
    client.create_topic(topic, retryLadder="100ms 250ms")
    client.send(topic)
    delays, _ = climb(client, topic, group)
    check(delays, [0.1, 0.25])
    assert client.create_group(group + "b", retryLadder="50ms*5", retryLimit=2).code == 0
    delays, dead = climb(client, topic, group + "b")
    check(delays, [0.05, 0.05])
    assert "limit" in dead.properties["TIDINGS_DEAD_REASON"]


def test_the_window_ends_the_ladder(client, topic, group):
    assert client.create_group(group, retryLadder="100ms 100ms 5s", retryWindowMs=2000).code == 0
    client.send(topic)
    delays, dead = climb(client, topic, group)
    check(delays, [0.1, 0.1])
    assert "window" in dead.properties["TIDINGS_DEAD_REASON"]


def test_a_bad_ladder_is_refused_with_its_place(client, topic, group):
    answer = client.create_group(group, retryLadder="1m 5x")
    assert answer.code == 1 and "character 4" in answer.remark
    assert client.create_topic(topic, retryLadder="* *").code == 1


def test_a_fallback_send_to_the_retry_topic_climbs_too(client, topic, group):
    client.heartbeat("c1", group, [(topic, "*")])
    start = time.time()
    answer = client.send(f"%RETRY%{group}", b"again", j=1, l=16,
                         props={"RETRY_TOPIC": topic, "RECONSUME_TIME": "1", "DELAY": "4"})
    assert answer.code == 0
    message = next_message(client, f"%RETRY%{group}", 0, group)
    assert time.time() - start >= 0.199 and message.body == b"again"
    assert client.send(f"%RETRY%{group}", b"dead", j=17, l=16, props={"RETRY_TOPIC": topic}).code == 0
    assert messages(client.pull(f"%DLQ%{group}", suspend=3000).body)[0].body == b"dead"


def test_give_back_of_what_is_not_there(client, group):
    answer = client.call(36, {"offset": "123456789", "group": group, "delayLevel": "0", "maxReconsumeTimes": "16"})
    assert answer.code == 1 and "123456789" in answer.remark
