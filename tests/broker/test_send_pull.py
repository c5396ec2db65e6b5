# SPDX-License-Identifier: Apache-2.0
"""Sends of all kinds, pulls, tags, long polling, offsets, look-ups."""
import struct
import threading
import time
import zlib

import pytest
from remoting import Client, batch, messages, properties


def test_a_message_comes_back_as_it_was_sent(client, topic):
    sent = client.send(topic, b"\x00body\xff", props={"KEYS": "k1 k2", "TAGS": "a", "user": "zhang 三"}, h=7)
    assert sent.code == 0 and sent.ext["queueOffset"] == "0" and sent.ext["TRACE_ON"] == "true"
    answer = client.pull(topic)
    assert (answer.code, answer.ext["nextBeginOffset"], answer.ext["maxOffset"]) == (0, "1", "1")
    message, = messages(answer.body)
    assert (message.body, message.topic, message.flag, message.reconsume) == (b"\x00body\xff", topic, 7, 0)
    assert message.properties["user"] == "zhang 三" and message.properties["TAGS"] == "a"
    assert sent.ext["msgId"].endswith(f"{message.position:016X}")


def test_properties_without_a_trailing_separator(client, topic):
    text = properties({"KEYS": "k", "TAGS": "t"})[:-1]
    assert client.send(topic, i=text).code == 0
    message, = messages(client.pull(topic).body)
    assert message.properties["TAGS"] == "t" and message.properties["MSG_REGION"] == "DefaultRegion"


def test_compressed_and_large_bodies(client, topic):
    assert client.send(topic, zlib.compress(b"long " * 5000), f=1).code == 0
    assert client.send(topic, b"x" * (4 * 1024 * 1024)).code == 0
    first = messages(client.pull(topic, most=1).body)
    assert first[0].body == b"long " * 5000
    second = messages(client.pull(topic, offset=1).body)
    assert len(second[0].body) == 4 * 1024 * 1024


def test_a_batch_is_one_answer_with_all_ids(client, topic):
    items = [(f"item {i}".encode(), {"TAGS": "odd" if i % 2 else "even"}) for i in range(5)]
    answer = client.call(320, {"a": "p", "b": topic, "c": "TBW102", "d": "4", "e": "1", "f": "0", "g": "1", "h": "0",
                               "i": "WAIT\x01true\x02", "j": "0", "m": "true"}, batch(items))
    assert answer.code == 0 and len(answer.ext["msgId"].split(",")) == 5 and answer.ext["queueOffset"] == "0"
    found = messages(client.pull(topic, queue=1).body)
    assert [message.body for message in found] == [body for body, _ in items]
    assert all(message.properties["WAIT"] == "true" for message in found)


def test_a_batch_with_a_broken_item_stores_nothing(client, topic):
    client.create_topic(topic)
    data = batch([(b"good", {}), (b"bad", {})])
    broken = data[:-3]
    ext = {"a": "p", "b": topic, "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": "1", "h": "0", "i": "", "j": "0",
           "m": "true"}
    for body in (broken, b"", struct.pack(">i", -1) + data, struct.pack(">i", 1 << 30) + data):
        assert client.call(320, ext, body).code == 13
    assert client.max_offset(topic) == 0


def test_one_way_sends_are_stored_and_not_answered(client, topic):
    client.create_topic(topic)
    ext = {"a": "p", "b": topic, "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": "1", "h": "0", "i": "", "j": "0"}
    opaque = client.start(310, ext, b"one way", flag=2)
    answer = client.pull(topic, suspend=5000)
    assert messages(answer.body)[0].body == b"one way"
    assert opaque not in client.answers


def test_limits_of_sends(client, topic):
    client.create_topic(topic, queues=2)
    assert client.send("no spaces allowed").code == 1
    assert client.send("t" * 128).code == 1
    assert client.send(topic, queue=2).code == 1
    assert client.send(topic, queue=-1).code == 0
    assert client.send(topic, b"x" * (4 * 1024 * 1024 + 1)).code == 13
    assert client.send(topic, i="k\x01" + "v" * 32767 + "\x02").code == 13
    assert client.send("SCHEDULE_TOPIC_XXXX").code == 16
    assert client.send(topic, props={"TRAN_MSG": "true"}).code == 13
    assert client.send("%RETRY%" + "g" * 200).code == 1
    client.create_topic(topic, queues=2, perm=4)
    assert client.send(topic).code == 16
    client.create_topic(topic, queues=2, perm=2)
    assert client.pull(topic).code == 16


def test_tags_are_matched_by_string_not_by_hash(client, topic):
    for tag in ("Aa", "BB", "other", None):  # "Aa" and "BB" have the same hash
        assert client.send(topic, str(tag).encode(), props={"TAGS": tag} if tag else {}).code == 0
    found = messages(client.pull(topic, expression="Aa || other").body)
    assert [message.body for message in found] == [b"Aa", b"other"]
    nothing = client.pull(topic, expression="absent")
    assert (nothing.code, nothing.ext["nextBeginOffset"]) == (20, "4")
    assert client.pull(topic, expression="||").code == 23


def test_offsets_outside_of_the_queue(client, topic):
    client.create_topic(topic)
    assert client.pull(topic, offset=0).code == 19
    moved = client.pull(topic, offset=5)
    assert (moved.code, moved.ext["nextBeginOffset"]) == (21, "0")
    client.send(topic)
    assert client.pull(topic, offset=1).code == 19
    assert client.pull(topic, queue=99).code == 1
    assert client.pull("nobody_made_this").code == 17


def test_a_held_pull_is_woken_by_an_arrival(shared, client, topic):
    client.create_topic(topic)
    opaque = client.start(11, {"consumerGroup": "g", "topic": topic, "queueId": "0", "queueOffset": "0",
                               "maxMsgNums": "32", "sysFlag": "6", "commitOffset": "0",
                               "suspendTimeoutMillis": "15000", "subVersion": "0", "subscription": "yes"})
    sender = Client(shared.broker)
    sender.send(topic, b"no", props={"TAGS": "no"})
    sender.send(topic, b"yes", props={"TAGS": "yes"})
    answer = client.finish(opaque)
    assert answer.code == 0 and [m.body for m in messages(answer.body)] == [b"yes"]
    assert answer.ext["nextBeginOffset"] == "2"
    sender.close()


def test_a_held_pull_ends_with_19_or_20(client, topic):
    client.create_topic(topic)
    start = time.monotonic()
    assert client.pull(topic, suspend=600).code == 19
    assert time.monotonic() - start > 0.55
    client.send(topic, props={"TAGS": "x"})
    answer = client.pull(topic, expression="y", suspend=300)
    assert answer.code in (19, 20) and answer.ext["nextBeginOffset"] == "1"


def test_consumer_offsets(client, topic, group):
    client.create_topic(topic)
    for _ in range(3):
        client.send(topic)
    assert client.query_offset(group, topic).code == 22
    assert client.update_offset(group, topic, 2).code == 0
    assert client.query_offset(group, topic).ext["offset"] == "2"
    assert client.update_offset(group, topic, 99).code == 1
    client.pull(topic, offset=2, group=group, commit=1)
    assert client.query_offset(group, topic).ext["offset"] == "1"


def test_queue_offsets_by_number_and_time(client, topic):
    client.create_topic(topic, queues=1)
    ext = {"topic": topic, "queueId": "0"}
    client.send(topic, b"early")
    time.sleep(0.05)
    middle = int(time.time() * 1000)
    time.sleep(0.05)
    client.send(topic, b"late")
    assert client.call(30, ext).ext["offset"] == "2"
    assert client.call(31, ext).ext["offset"] == "0"
    assert client.call(29, {**ext, "timestamp": str(middle)}).ext["offset"] == "1"
    assert client.call(29, {**ext, "timestamp": "0"}).ext["offset"] == "0"
    assert 0 < int(client.call(32, ext).ext["timestamp"]) <= middle


def test_look_up_by_id_and_key(client, topic):
    sent = client.send(topic, b"find me", props={"KEYS": "tx-1 tx-2", "UNIQ_KEY": "U" * 32})
    position = int(sent.ext["msgId"][16:], 16)
    assert messages(client.call(33, {"offset": str(position)}).body)[0].body == b"find me"
    assert client.call(33, {"offset": "7"}).code == 1
    window = {"topic": topic, "maxNum": "32", "beginTimestamp": "0", "endTimestamp": str(2 ** 62)}
    for key, unique in (("tx-1", "false"), ("tx-2", "false"), ("U" * 32, "true")):
        answer = client.call(12, {**window, "key": key, "_UNIQUE_KEY_QUERY": unique})
        assert [message.body for message in messages(answer.body)] == [b"find me"]
    assert client.call(12, {**window, "key": "tx-9"}).code == 22


@pytest.mark.parametrize("props", [{"DELAY": "1"}, {"TIMER_DELAY_MS": "300"},
                                   {"TIMER_DELIVER_MS": "+300"}, {"TIMER_DELAY_SEC": "1"}])
def test_delays(client, topic, props):
    client.create_topic(topic)
    start = time.time()
    if "TIMER_DELIVER_MS" in props:
        props = {"TIMER_DELIVER_MS": str(int(start * 1000) + 300)}
    assert client.send(topic, b"later", props={**props, "KEYS": "kept"}).code == 0
    answer = client.pull(topic, suspend=8000)
    least = 1.0 if "TIMER_DELAY_SEC" in props else 0.299
    assert time.time() - start >= least
    message, = messages(answer.body)
    assert message.properties["KEYS"] == "kept" and not set(props) & set(message.properties)
    assert message.offset == 0


def test_delay_beyond_the_limit_and_no_number(client, topic):
    assert client.send(topic, props={"TIMER_DELAY_MS": str(400 * 86400 * 1000)}).code == 13
    assert client.send(topic, props={"TIMER_DELAY_MS": "soon"}).code == 13


def test_many_pulls_of_one_backlog(shared, topic):
    connection = Client(shared.broker)
    connection.create_topic(topic, queues=1)
    count = 3000
    opaques = [connection.start(310, {"a": "p", "b": topic, "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": "1",
                                      "h": "0", "i": properties({"KEYS": str(i)}), "j": "0"}, str(i).encode())
               for i in range(count)]
    for opaque in opaques:
        assert connection.finish(opaque).code == 0
    seen, failures = [], []

    def read(offset, end):
        own = Client(shared.broker)
        try:
            while offset < end:
                answer = own.pull(topic, offset=offset, most=100)
                got = [m for m in messages(answer.body) if m.offset < end]
                seen.extend((m.offset, int(m.body)) for m in got)
                offset = int(answer.ext["nextBeginOffset"])
        except Exception as error:  # told to the test below
            failures.append(error)
        own.close()

    threads = [threading.Thread(target=read, args=(i * 750, (i + 1) * 750)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and sorted(seen) == [(i, i) for i in range(count)]
    connection.close()
