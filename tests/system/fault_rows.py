# SPDX-License-Identifier: Apache-2.0
"""One row for each request that the program serves: a valid request, and what must hold once it is acknowledged.

A row is a function of the world that prepares what the request needs, without any fault, and returns the Ask. Here
are those of messages, transactions and offsets; fault_rows_admin.py has those of groups, topics and the broker.
"""
import contextlib
import dataclasses
import zlib

import codec
from codec import properties_text
from transactions import half

ROWS = {}  # (code, variant): function


@dataclasses.dataclass
class Ask:
    ext: dict
    body: bytes = b""
    kept: object = None  # called with the answer that acknowledges it
    good: tuple = (codec.OK,)
    port: str = "broker"
    meanwhile: object = None  # called when the request is on its way
    again: object = None  # called before it is asked once more
    linger_s: float = 0  # the fault stays so long behind the answer: work that comes later
    code: int = 0


def row(*codes, variant=""):
    def add(function):
        for code in codes:
            ROWS[code, variant] = function
        return function
    return add


# ---- sending ----
LONG_NAMES = {"a": "producerGroup", "b": "topic", "c": "defaultTopic", "d": "defaultTopicQueueNums", "e": "queueId",
              "f": "sysFlag", "g": "bornTimestamp", "h": "flag", "i": "properties", "j": "reconsumeTimes",
              "k": "unitMode", "m": "batch"}


def sending(world, topic, props=None, long=False, **more):
    ext = world.prepare.send_ext(topic, 0, {"KEYS": "k1 k2", "TAGS": "A", **(props or {})}, **more)
    return {LONG_NAMES[name]: value for name, value in ext.items()} if long else ext


def expect(world, topic, *bodies):
    return lambda answer: world.stored.setdefault(topic, {}).update(
        {int(answer.ext["queueOffset"]) + i: body for i, body in enumerate(bodies)})


@row(10)
def send(world):
    topic = world.name("topic")
    return Ask(sending(world, topic, long=True), b"ten", expect(world, topic, b"ten"))


@row(310)
def send_short(world):
    topic = world.name("topic")
    return Ask(sending(world, topic), b"short", expect(world, topic, b"short"))


@row(310, variant="to a topic that is there")
def send_on(world):
    topic = world.name("topic")
    world.ok(world.prepare.send(topic, b"first"))
    return Ask(sending(world, topic, {"UNIQ_KEY": topic}), b"on", expect(world, topic, b"on"))


@row(310, variant="binary header")
def send_binary(world):
    topic = world.name("topic")
    return Ask(sending(world, topic), b"binary", expect(world, topic, b"binary"), port="binary")


@row(310, variant="compressed")
def send_compressed(world):
    topic = world.name("topic")
    return Ask(sending(world, topic, f=1), zlib.compress(b"c" * 5000), expect(world, topic, b"c" * 5000))


@row(310, variant="delayed")
def send_delayed(world):
    topic = world.name("topic")
    return Ask(sending(world, topic, {"DELAY": "1"}), b"late",
               lambda answer: world.stored.setdefault(topic, {}).update({0: b"late"}), linger_s=0.04)


@row(310, variant="half")
def send_half(world):
    topic, key = world.made_topic(), world.name("UNIQ")
    ext = sending(world, topic, {"TRAN_MSG": "true", "PGROUP": "tx_group", "UNIQ_KEY": key}, f=4)

    def decide(answer):
        position = codec.parse_message_id(answer.ext["msgId"])[2]
        world.ok(world.prepare.call(37, {
            "producerGroup": "tx_group", "tranStateTableOffset": answer.ext["queueOffset"],
            "commitLogOffset": str(position), "commitOrRollback": "8", "fromTransactionCheck": "false",
            "msgId": key, "transactionId": key, "topic": topic}))
        world.stored[topic] = {0: b"half"}
    return Ask(ext, b"half", decide)


@row(320)
def send_batch(world):
    topic = world.name("topic")
    items = [(f"item {i}".encode(), {"KEYS": f"k{i}"}) for i in range(3)]
    return Ask(sending(world, topic, m="true"), codec.encode_batch(items),
               expect(world, topic, *(body for body, _ in items)))


@row(36)
def send_back(world):
    message = world.prepare.next(world.topic)
    group = world.name("group")

    def count(_):
        world.given_back += 1
    return Ask({"offset": str(message.position), "group": group, "delayLevel": "0", "unitMode": "false",
                "originMsgId": "", "originTopic": message.topic, "maxReconsumeTimes": "16"}, kept=count)


@row(324, 325)
def reply(world, code):
    asker = world.asker()
    props = {"REPLY_TO_CLIENT": asker, "CORRELATION_ID": world.name("c")}
    return Ask(sending(world, "DefaultCluster_REPLY_TOPIC", props, long=code == 324), b"answer",
               again=world.asker)


# ---- transactions ----
@row(37)
def commit(world):
    topic = world.made_topic()

    def kept(_):
        world.stored[topic] = {0: b"half"}
    return Ask(half(world.prepare, topic).ext(8), kept=kept)


@row(37, variant="rollback")
def rollback(world):
    topic = world.made_topic()

    def kept(_):
        world.stored[topic] = {}
    return Ask(half(world.prepare, topic).ext(12), kept=kept)


@row(323)
def resume(world):
    waiting = half(world.prepare, world.topic, group=world.name("nobody"))
    return Ask({"msgId": waiting.id, "topic": world.topic})


@row(9001)
def transactions(world):
    return Ask({})


# ---- pulling and offsets ----
def pulled(world):
    """All, or the first ones and the offset behind them: none is passed over."""
    def kept(answer):
        found = [m.body for m in codec.decode_messages(answer.body)]
        assert found and found == world.bodies[:len(found)]
        assert int(answer.ext["nextBeginOffset"]) == len(found)
    return kept


@row(11, 361)
def pull(world, code):
    return Ask(world.prepare.pull_ext(world.topic, group=world.group), kept=pulled(world))


@row(11, variant="SQL")
def pull_sql(world):
    ext = world.prepare.pull_ext(world.topic, group=world.group, expression="TAGS = 'A' AND KEYS STARTSWITH 'k'")
    return Ask({**ext, "expressionType": "SQL92"}, kept=pulled(world))


@row(11, variant="tags")
def pull_tags(world):
    return Ask(world.prepare.pull_ext(world.topic, group=world.group, expression="A || B"), kept=pulled(world))


@row(11, variant="held")
def pull_held(world):
    return Ask(world.prepare.pull_ext(world.topic, len(world.bodies), group=world.group, hold_ms=30,
                                      expression="A || B"), good=(codec.PULL_NOTHING, codec.PULL_AGAIN))


@row(11, variant="held and woken")
def pull_woken(world):
    topic = world.made_topic()

    def wake():
        with contextlib.suppress(ConnectionError):  # the fault may meet it
            world.prepare.send(topic, b"news", props={"TAGS": "A"})
    return Ask(world.prepare.pull_ext(topic, group=world.group, hold_ms=300, expression="A || B"), meanwhile=wake,
               good=(codec.OK, codec.PULL_NOTHING, codec.PULL_AGAIN))


@row(14)
def query_offset(world):
    return Ask({"consumerGroup": world.group, "topic": world.topic, "queueId": "0"})


@row(15)
def update_offset(world):
    group = world.name("group")
    world.ok(world.prepare.update_group(group))

    def kept(_):
        world.committed[group] = 2
    return Ask({"consumerGroup": group, "topic": world.topic, "queueId": "0", "commitOffset": "2"}, kept=kept,
               linger_s=0.22)


@row(30, 31, 32)
def bounds(world):
    return Ask({"topic": world.topic, "queueId": "0"})


@row(29)
def search_offset(world):
    return Ask({"topic": world.topic, "queueId": "0", "timestamp": "1"})


@row(33)
def view(world):
    return Ask({"offset": str(world.position)})


@row(12)
def query(world):
    return Ask({"topic": world.topic, "key": "k0", "maxNum": "32", "beginTimestamp": "0",
                "endTimestamp": str(1 << 62)})
