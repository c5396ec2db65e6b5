# SPDX-License-Identifier: Apache-2.0
"""CloudEvents 1.0 in structured, batched and binary mode: source, type and id are the key."""
import json

import pytest
from notifier import ALLOW

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
STRUCTURED, BATCHED = "application/cloudevents+json", "application/cloudevents-batch+json"


def event(id, **more):
    return {"specversion": "1.0", "id": id, "source": "/pay/7", "type": "com.shop.recharge", "data": {"n": 1}, **more}


def submit(notifier, name, body, content_type, **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {**({"Tidings-Receivers": name} if name else {}), **headers}
    return notifier.call("POST", "/v1/notifications", body, content_type=content_type, headers=fields)


def test_structured(notifier, sink):
    name = notifier.receiver(sink.url("/a"))
    body = b'{ "specversion" : "1.0","id":"e 1", "source":"/pay/7","type":"com.shop.recharge","amount":"1.10","data":{ "n":1.10 }}'
    answer = submit(notifier, name, body, STRUCTURED + "; charset=utf-8")
    assert answer.status == 202, answer
    found = notifier.wait(answer.json["notifications"][0]["id"], "delivered")
    assert (found["source"], found["type"], found["txNo"]) == ("/pay/7", "com.shop.recharge", "e 1")
    [request] = sink.wait(1, "/a")
    assert request.body == body and request.header("content-type").startswith(STRUCTURED)


def test_batch(notifier, sink):
    name = notifier.receiver(sink.url("/b"))
    events = [event(f"b{number}", data={"n": number}) for number in range(3)]
    answer = submit(notifier, name, events, BATCHED)
    assert answer.status == 202, answer
    assert [one["status"] for one in answer.json["results"]] == [202] * 3
    requests = sink.wait(3, "/b")
    assert sorted((json.loads(one.body) for one in requests), key=lambda one: one["id"]) == events
    assert {one.header("content-type").split(";")[0] for one in requests} == {STRUCTURED}


def test_a_broken_event_among_good_ones(notifier, sink):
    name = notifier.receiver(sink.url("/c"))
    answer = submit(notifier, name, [event("c1"), {"specversion": "1.0", "id": "c2"}, event("c3")], BATCHED)
    assert answer.status == 207, answer
    statuses = [one["status"] for one in answer.json["results"]]
    assert statuses[0] == statuses[2] == 202 and 400 <= statuses[1] < 500


def test_binary(notifier, sink):
    name = notifier.receiver(sink.url("/d"))
    body = bytes(range(256))
    answer = submit(notifier, name, body, "application/x-thing", **{
        "ce-specversion": "1.0", "ce-id": "d1", "ce-source": "/pay/7", "ce-type": "com.shop.recharge", "ce-amount": "1.10"})
    assert answer.status == 202, answer
    found = notifier.wait(answer.json["notifications"][0]["id"], "delivered")
    assert (found["source"], found["type"], found["txNo"]) == ("/pay/7", "com.shop.recharge", "d1")
    [request] = sink.wait(1, "/d")
    assert request.body == body and request.header("content-type") == "application/x-thing"
    for key, value in {"specversion": "1.0", "id": "d1", "source": "/pay/7", "type": "com.shop.recharge",
                       "amount": "1.10"}.items():
        assert request.header(f"ce-{key}") == value


def test_by_subscription(notifier, sink):
    name = notifier.receiver(sink.url("/e"), types=["com.subscribed.*"])
    answer = submit(notifier, None, event("s1", type="com.subscribed.done"), STRUCTURED)
    assert answer.status == 202 and [one["receiver"] for one in answer.json["notifications"]] == [name]
    sink.wait(1, "/e")


@pytest.mark.parametrize("wrong", [
    {"id": ""}, {"id": None}, {"source": ""}, {"type": 7}, {"specversion": "0.3"}, {"specversion": None}, {"id": "x" * 256}])
def test_wrong_events(notifier, sink, wrong):
    name = notifier.receiver(sink.url("/f"), name="wrong")
    made = {key: value for key, value in {**event("w1"), **wrong}.items() if value is not None}
    answer = submit(notifier, name, made, STRUCTURED)
    assert answer.status in (400, 422), answer
    assert next(iter(wrong)) in (answer.json.get("field", "") + answer.json.get("detail", "")).lower()


@pytest.mark.parametrize("missing", ["ce-id", "ce-source", "ce-type"])
def test_binary_without(notifier, sink, missing):
    name = notifier.receiver(sink.url("/g"), name="wrong")
    fields = {"ce-specversion": "1.0", "ce-id": "m1", "ce-source": "s", "ce-type": "t"}
    del fields[missing]
    assert submit(notifier, name, b"x", "text/plain", **fields).status in (400, 415, 422)


def test_duplicates(notifier, sink):
    name = notifier.receiver(sink.url("/h"))
    first = submit(notifier, name, event("dup"), STRUCTURED).json["notifications"][0]
    again = submit(notifier, name, event("dup"), STRUCTURED).json["notifications"][0]
    assert again == {**first, "duplicate": True}
    assert submit(notifier, name, event("dup", data={"n": 2}), STRUCTURED).status == 409
