# SPDX-License-Identifier: Apache-2.0
"""Thousands of valid frames with a few bytes changed: the server stays up, keeps its state, answers the others."""
import random

import codec
import pytest
from client import Client

pytestmark = pytest.mark.ours
SEED = 20240607


def frames(client, topic):
    ext = client.send_ext(topic, props={"KEYS": "k", "TAGS": "t"})
    beat = codec.heartbeat_body("mutant", [codec.consumer_data("mutants", [codec.subscription(topic, "A || B")])])
    made = [(codec.SEND_V2, ext, b"body"), (codec.SEND_BATCH, {**ext, "m": "true"},
                                            codec.encode_batch([(b"1", {"a": "b"}), (b"2", {})])),
            (codec.PULL, client.pull_ext(topic), b""), (codec.HEARTBEAT, {}, beat),
            (codec.LOCK, {}, client.lock_body("m", "mutants", topic, [0, 1])),
            (codec.QUERY_MESSAGE, {"topic": topic, "key": "k", "maxNum": "3", "beginTimestamp": "0",
                                   "endTimestamp": "9999999999999"}, b""),
            (codec.SEND_BACK, {"offset": "0", "group": "mutants", "delayLevel": "0"}, b""),
            (codec.UPDATE_OFFSET, {"consumerGroup": "mutants", "topic": topic, "queueId": "0", "commitOffset": "0"}, b""),
            (codec.ROUTE, {"topic": topic}, b""), (codec.VIEW, {"offset": "0"}, b"")]
    for code, fields, body in made:
        for serialize in ("json", "binary"):
            yield codec.encode(codec.Frame(code, fields, body, 1, serialize=serialize, language="JAVA"))


def mutate(rng, frame):
    data = bytearray(frame)
    for _ in range(rng.randint(1, 4)):
        kind, at = rng.randrange(4), rng.randrange(8, len(data))
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del data[at:at + rng.randint(1, 9)]
        else:
            data[at:at] = bytes([rng.randrange(256)]) * rng.randint(1, 9)
        if len(data) < 12:
            return bytes(data)
    if rng.random() < 0.9:  # lengths right again, so that the content is looked at
        data[0:4] = codec.struct.pack(">i", len(data) - 4)
        if rng.random() < 0.5:
            header = min(codec.struct.unpack(">I", data[4:8])[0] & 0xFFFFFF, len(data) - 8)
            data[5:8] = codec.struct.pack(">I", header)[1:]
    return bytes(data)


def test_mutated_frames(server, client, topic):
    rng = random.Random(SEED)
    client.made_topic(topic)
    client.sent(topic, b"witness", queue=3)
    originals = list(frames(client, topic))
    bad = Client(server.broker)
    for number in range(6000):
        if bad.is_closed:
            bad.close()
            bad = Client(server.broker)
        try:
            bad.write(mutate(rng, originals[number % len(originals)]))
        except OSError:
            bad.close()
            bad = Client(server.broker)
        if number % 500 == 0:
            assert client.sent(topic, b"other", queue=2)[0] == 2
    bad.close()
    assert client.next(topic, queue=3).body == b"witness"
    for queue in range(4):
        client.read(topic, queue=queue)  # every stored message can still be decoded


def test_it_starts_again_after_that(own_server):
    server = own_server()
    rng = random.Random(SEED + 1)
    with Client(server.broker) as client:
        client.made_topic("t")
        originals = list(frames(client, "t"))
    for number in range(2000):
        with Client(server.broker) as bad:
            try:
                bad.write(mutate(rng, originals[number % len(originals)]))
            except OSError:
                pass  # refused already
    server.restart(kill9=True)
    with Client(server.broker) as client:
        for queue in range(4):
            client.read("t", queue=queue)
