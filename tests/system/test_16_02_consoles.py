# SPDX-License-Identifier: Apache-2.0
"""What consoles show: rates, settings, how far groups are; and what a consumer answers itself, passed on by the broker."""
import json
import re
import time

import codec
import pytest
from client import Client, wait_until
from transactions import half

pytestmark = pytest.mark.ours

BUSY, CONSUMER_TIMEOUT = 2, 207
RUNNING_INFO, CONSUME_DIRECTLY = 307, 309


def table(client):
    return json.loads(client.call(28).body)["table"]


def consume_rate(client, group):
    return float(re.search(rb'"consumeTps":([0-9.]+)', client.call(208, {"consumerGroup": group}).body)[1])


def rates(text):
    return [float(number) for number in text.split(" ")]


@pytest.mark.slow
def test_rates(own_server, connect):
    """Over 10 s, 1 min, 10 min: what is put and got shows up, and goes down again in the first."""
    client = connect(own_server("--topic", "rates:1").broker)
    assert rates(table(client)["putTps"]) == [0, 0, 0]
    client.commit("readers", "rates", 0)
    for _ in range(30):
        client.sent("rates")
    client.read("rates", count=30)
    client.pull("rates", offset=30)  # finds nothing
    client.commit("readers", "rates", 30)
    wait_until(lambda: rates(table(client)["putTps"])[0] > 0)
    shown = table(client)
    for name, least in (("putTps", 2), ("getTransferedTps", 2), ("getFoundTps", 0.05), ("getMissTps", 0.05)):
        ten_s, minute, _ = rates(shown[name])
        assert least < ten_s < 31 and least < minute < 31, shown
    found, missed, both = (rates(shown[name])[0] for name in ("getFoundTps", "getMissTps", "getTotalTps"))
    assert abs(found + missed - both) < 0.02
    assert shown["msgPutTotalTodayNow"] == "30" and shown["msgGetTotalTodayNow"] == "30"
    assert shown["msgPutTotalTodayMorning"] == "0"  # it did not run yet
    client.send_batch("rates", [(b"x", {})] * 30)
    client.commit("readers", "rates", 60)  # the group was new when it was measured first
    wait_until(lambda: consume_rate(client, "readers") > 0)
    assert 2 < consume_rate(client, "readers") < 31
    wait_until(lambda: rates(table(client)["putTps"])[0] == 0)
    assert rates(table(client)["putTps"])[1] > 0


def test_disk(client):
    assert 0 < float(table(client)["commitLogDiskRatio"]) < 1


def test_settings_as_properties(server, client):
    answer = client.call(26)
    settings = dict(line.split("=", 1) for line in answer.body.decode().splitlines())
    assert settings["brokerName"] == "broker-a" and settings["listenPort"] == server.broker.rsplit(":", 1)[1]
    assert settings["flushDiskType"] == "SYNC_FLUSH" and settings["aclEnable"] == "false"
    assert settings["messageDelayLevel"].startswith("1s 5s 10s")


def test_topics_of_a_group(client, topic, group, new_name):
    had_read = new_name("had_read")
    client.made_topic(topic)
    client.made_topic(had_read)
    client.beat("c1", group, [topic])
    client.commit(group, topic, 0)
    client.commit(group, had_read, 0)
    wait_until(lambda: had_read in json.loads(client.call(343, {"group": group}).body)["topicList"])
    listed = json.loads(client.call(343, {"group": group}).body)["topicList"]
    assert len(listed) == len(set(listed)) and {topic, had_read} <= set(listed) <= {topic, had_read, "%RETRY%" + group}
    assert json.loads(client.call(343, {"group": group + "x"}).body) == {"topicList": []}


def test_how_long_a_group_is_behind(client, topic, group):
    client.made_topic(topic, queues=2)
    client.update_group(group)
    for _ in range(3):
        client.sent(topic)
        time.sleep(0.05)
    client.commit(group, topic, 1)

    def spans():
        return json.loads(client.call(303, {"topic": topic, "group": group}).body)["consumeTimeSpanSet"]
    wait_until(lambda: spans()[0]["consumeTimeStamp"] > 0)
    read, empty = spans()
    times = [message.store_ms for message in client.read(topic, count=3)]
    assert (read["minTimeStamp"], read["consumeTimeStamp"], read["maxTimeStamp"]) == (times[0], times[0], times[2])
    assert read["delayTime"] >= times[2] - times[1]
    assert read["messageQueue"] == {"brokerName": "broker-a", "queueId": 0, "topic": topic}
    assert [empty[name] for name in ("minTimeStamp", "consumeTimeStamp", "maxTimeStamp", "delayTime")] == [0] * 4
    client.commit(group, topic, 3)
    wait_until(lambda: spans()[0]["delayTime"] == 0)
    assert client.call(303, {"topic": topic + "x", "group": group}).code == codec.NO_TOPIC
    assert client.call(303, {"topic": topic, "group": group + "x"}).code == 26


# ---- passed on to a consumer ----

@pytest.fixture
def consumer(server, connect, topic, group):
    member = connect(server.broker)
    member.made_topic(topic, queues=1)
    member.beat("member@1", group, [topic])
    return member


def asked(group, **more):
    return {"consumerGroup": group, "clientId": "member@1", **more}


def answer(consumer, request, code=0, body=b"", ext=None, remark=None):
    frame = codec.Frame(code, ext or {}, body, request.opaque, codec.FLAG_ANSWER, remark)
    consumer.write(codec.encode(frame))


def test_running_info(client, consumer, group):
    place = client.begin(RUNNING_INFO, asked(group, jstackEnable="true", AccessKey="k", Signature="s", SecurityToken="t"))
    request = consumer.wait_pushed(RUNNING_INFO)
    assert not {"AccessKey", "Signature", "SecurityToken"} & set(request.ext)  # are not the consumer's business
    assert request.flag == 0 and request.ext["jstackEnable"] == "true" and request.ext["consumerGroup"] == group
    answer(consumer, request, body=b'{"jstack":"..."}', ext={"more": "x"})
    told = client.finish(place)
    assert (told.code, told.body, told.ext["more"]) == (0, b'{"jstack":"..."}', "x")


def test_refused_by_the_consumer(client, consumer, group):
    place = client.begin(RUNNING_INFO, asked(group))
    answer(consumer, consumer.wait_pushed(RUNNING_INFO), code=1, remark="not now")
    told = client.finish(place)
    assert told.code == 1 and "not now" in told.remark


def test_consumed_directly(client, consumer, topic, group):
    offset_id = client.send(topic, b"once more").ext["msgId"]
    place = client.begin(CONSUME_DIRECTLY, asked(group, msgId=offset_id, topic=topic))
    request = consumer.wait_pushed(CONSUME_DIRECTLY)
    message, = codec.decode_messages(request.body)
    assert (message.topic, message.body) == (topic, b"once more")
    answer(consumer, request, body=b'{"consumeResult":"CR_SUCCESS"}')
    assert b"CR_SUCCESS" in client.finish(place).body


def test_answers_nobody_waits_for(client, consumer, group):
    """A made-up answer, one that comes twice, one on another connection: dropped, and the right one counts."""
    answer(consumer, codec.Frame(0, opaque=12345))
    place = client.begin(RUNNING_INFO, asked(group))
    request = consumer.wait_pushed(RUNNING_INFO)
    answer(client, request, body=b"not from the consumer")
    client.call(28)
    assert not client.is_answered(place)
    answer(consumer, request, body=b"1")
    answer(consumer, request, body=b"2")
    assert client.finish(place).body == b"1"
    assert client.call(28).code == 0


def test_who_is_not_there(client, consumer, topic, group):
    offset_id = client.send(topic).ext["msgId"]
    for ext in (asked(group + "x"), asked(group, clientId="nobody")):
        told = client.call(RUNNING_INFO, ext)
        assert told.code == 1 and "not online" in told.remark
    assert client.call(RUNNING_INFO).code == 1
    assert "offset id" in client.call(CONSUME_DIRECTLY, asked(group, msgId="nonsense")).remark
    assert client.call(CONSUME_DIRECTLY, asked(group, msgId=offset_id[:-6] + "FFFFFF")).code == 1
    assert not consumer.pushed(RUNNING_INFO) and not consumer.pushed(CONSUME_DIRECTLY)


def test_half_messages_are_kept_from_it(client, consumer, topic, group):
    told = client.call(CONSUME_DIRECTLY, asked(group, msgId=half(client, topic).id))
    assert told.code == 1 and "half" in told.remark


def test_consumer_goes_away(client, consumer, group):
    place = client.begin(RUNNING_INFO, asked(group))
    consumer.wait_pushed(RUNNING_INFO)
    consumer.close()
    told = client.finish(place)
    assert told.code == 1 and "gone" in told.remark


@pytest.mark.slow
def test_consumer_never_answers(server, client, consumer, group):
    """At most 64 at a time; each is told after 10 s, and there is room again. One whose asker has left is no harm."""
    with Client(server.broker) as leaver:
        leaver.begin(RUNNING_INFO, asked(group))
        consumer.wait_pushed(RUNNING_INFO)
    places = [client.begin(RUNNING_INFO, asked(group)) for _ in range(70)]
    answers = [client.finish(place) for place in places]
    assert sorted({told.code for told in answers}) == [BUSY, CONSUMER_TIMEOUT]
    assert sum(told.code == CONSUMER_TIMEOUT for told in answers) == 63
    place = client.begin(RUNNING_INFO, asked(group))
    consumer.forget_pushed()
    client.call(28)  # behind it: by now it would have been told
    assert not client.is_answered(place)
