# SPDX-License-Identifier: Apache-2.0
"""The rows of fault_rows.py for what concerns groups, topics and the broker as a whole."""
import contextlib
import json
import threading

import codec
from client import Closed
from fault_rows import ROWS, Ask, row

__all__ = ["ROWS"]


# ---- groups ----
def beat_body(group, client_id, topic):
    data = codec.consumer_data(group, [codec.subscription(topic, "A || B"), codec.subscription("%RETRY%" + group),
                                       codec.subscription("other", "a > 1", codes=[]) | {"expressionType": "SQL92"}])
    return codec.heartbeat_body(client_id, [data], ["p_of_" + group])


@row(34)
def heartbeat(world):
    group = world.name("group")

    def kept(_):
        assert world.prepare.members(group) == ["one@" + group]
    return Ask({}, beat_body(group, "one@" + group, world.topic), kept, linger_s=0.02)


@row(35)
def unregister(world):
    group = world.name("group")
    world.ok(world.client("broker").call(34, {}, beat_body(group, "one", world.topic)))

    def kept(_):
        assert world.prepare.members(group) == []
    return Ask({"clientID": "one", "consumerGroup": group, "producerGroup": "p_of_" + group}, kept=kept)


@row(38, 203)
def members(world):
    return Ask({"consumerGroup": world.group})


@row(204)
def producers(world):
    return Ask({"producerGroup": "p_of_" + world.group})


@row(41, 42)
def lock(world, code):
    group = world.name("group")
    if code == 42:
        world.prepare.lock("one", group, world.topic, [0])
    return Ask({}, world.prepare.lock_body("one", group, world.topic, [0]))


@row(46)
def check_client(world):
    data = {**codec.subscription(world.topic, "a > 1"), "expressionType": "SQL92"}
    return Ask({}, json.dumps({"clientId": "c1", "group": world.group, "subscriptionData": data}).encode())


@row(200)
def update_group(world):
    group = world.name("group")

    def kept(_):
        world.groups[group] = True
    return Ask({}, json.dumps({"groupName": group, "retryMaxTimes": 5, "consumeEnable": True}).encode(), kept)


@row(207)
def delete_group(world):
    group = world.name("group")
    world.ok(world.prepare.update_group(group))
    world.ok(world.prepare.commit(group, world.topic, 1))

    def kept(_):
        world.groups[group] = False
    return Ask({"groupName": group, "removeOffset": "true"}, kept=kept)


@row(352)
def one_group(world):
    return Ask({"group": world.group})


@row(208)
def consume_stats(world):
    return Ask({"consumerGroup": world.group, "topic": world.topic})


@row(222)
def reset_offset(world):
    return Ask({"topic": world.topic, "group": world.group, "timestamp": "0", "isForce": "true"})


# ---- topics and the broker ----
@row(17)
def create_topic(world):
    topic = world.name("topic")

    def kept(_):
        world.topics[topic] = True
    return Ask({"topic": topic, "defaultTopic": "TBW102", "readQueueNums": "4", "writeQueueNums": "4", "perm": "6",
                "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"}, kept=kept)


@row(215)
def delete_topic(world):
    topic = world.made_topic()
    world.ok(world.prepare.send(topic, b"goes with it"))

    def kept(_):
        world.topics[topic] = False
    return Ask({"topic": topic}, kept=kept)


@row(105, 216)
def of_topic_at_names(world):
    return Ask({"topic": world.topic}, port="namesrv")


@row(202, 300, 351)
def of_topic(world):
    return Ask({"topic": world.topic})


@row(21, 28, 201)
def of_broker(world):
    return Ask({})


@row(106, 206)
def of_names(world):
    return Ask({}, port="namesrv")


@row(101)
def get_key(world):
    return Ask({"namespace": "N", "key": "k"}, good=(codec.NOT_FOUND,), port="namesrv")


@row(102)
def delete_key(world):
    return Ask({"namespace": "N", "key": "k"}, port="namesrv")


@row(26)
def broker_config(world):
    return Ask({})


@row(303)
def time_span(world):
    return Ask({"topic": world.topic, "group": world.group})


@row(343)
def group_topics(world):
    return Ask({"group": world.group})


# ---- passed on to a consumer ----
@row(307, 309)
def passed_on(world, code):
    """Its consumer answers, if the request reaches it; a fault may end its connection too."""
    group = world.name("group")

    def join():
        world.ok(world.client("consumer").call(34, {}, beat_body(group, "member", world.topic)))

    def answer():
        consumer = world.client("consumer")
        with contextlib.suppress(OSError, TimeoutError, Closed):
            asked = consumer.wait_pushed(code, timeout_s=0.5)
            consumer.write(codec.encode(codec.Frame(0, body=b"{}", opaque=asked.opaque, flag=codec.FLAG_ANSWER)))

    def join_and_answer():
        join()
        threading.Thread(target=answer, daemon=True).start()
    join()
    host, port = world.server.broker.rsplit(":", 1)
    message = {"msgId": codec.message_id(host, int(port), world.position)} if code == 309 else {}
    return Ask({"consumerGroup": group, "clientId": "member", **message}, meanwhile=answer, again=join_and_answer)
