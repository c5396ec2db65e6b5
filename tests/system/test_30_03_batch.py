# SPDX-License-Identifier: Apache-2.0
"""Up to 1,000 in one request; each is answered for itself, in order."""
import pytest
from notifier import ALLOW

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def item(name, tx_no, payload=1, **more):
    return {"source": "pay", "type": "recharge.done", "txNo": tx_no, "receivers": [name], "payload": payload, **more}


def test_a_thousand(notifier, sink):
    name = notifier.receiver(sink.url("/a"))
    items = [item(name, f"n{number}", {"n": number}) for number in range(1000)]
    answer = notifier.call("POST", "/v1/notifications", {"notifications": items})
    assert answer.status == 202, answer
    results = answer.json["results"]
    assert len(results) == 1000 and {one["status"] for one in results} == {202}
    requests = sink.wait(1000, "/a")
    assert {one.body for one in requests} == {b'{"n": %d}' % number for number in range(1000)}
    for place in (0, 499, 999):
        assert notifier.wait(results[place]["notifications"][0]["id"], "delivered")["txNo"] == f"n{place}"


def test_one_too_many(notifier, sink):
    name = notifier.receiver(sink.url("/b"))
    items = [item(name, f"n{number}") for number in range(1001)]
    assert notifier.call("POST", "/v1/notifications", {"notifications": items}).status in (413, 422, 400)
    assert notifier.list(receiver=name) == []
    assert notifier.call("POST", "/v1/notifications", {"notifications": []}).status in (422, 400)


def test_some_are_refused(notifier, sink):
    name = notifier.receiver(sink.url("/c"))
    first = notifier.submit(name, 1, tx_no="there")
    answer = notifier.call("POST", "/v1/notifications", {"notifications": [
        item(name, "good 1"), item("nobody", "no receiver"), item(name, "there", 2), item(name, "there", 1),
        item(name, "", 1), item(name, "colour", colour="red"), item(name, "good 2")]})
    assert answer.status == 207, answer
    results = answer.json["results"]
    statuses = [one["status"] for one in results]
    assert statuses[0] == 202 and statuses[2] == 409 and statuses[3] == 202 and statuses[6] == 202
    assert all(400 <= statuses[place] < 500 for place in (1, 4, 5))
    for one in results:
        assert ("problem" in one) == (one["status"] >= 400)
        if "problem" in one:
            assert one["problem"]["status"] == one["status"] and one["problem"]["title"]
    assert results[2]["problem"]["id"] == first
    assert results[3]["notifications"] == [{"id": first, "receiver": name, "duplicate": True}]
    for place in (0, 6):
        notifier.wait(results[place]["notifications"][0]["id"], "delivered")
    assert {one["txNo"] for one in notifier.list(receiver=name)} == {"there", "good 1", "good 2"}


def test_the_same_twice_in_one_batch(notifier, sink):
    name = notifier.receiver(sink.url("/d"))
    answer = notifier.call("POST", "/v1/notifications", {"notifications": [
        item(name, "twice"), item(name, "twice"), item(name, "twice", 2)]})
    results = answer.json["results"]
    assert [one["status"] for one in results] == [202, 202, 409], answer
    assert results[0]["notifications"][0]["id"] == results[1]["notifications"][0]["id"]
    assert [one["notifications"][0]["duplicate"] for one in results[:2]] == [False, True]


def test_payload_bytes_in_a_batch(notifier, sink):
    name = notifier.receiver(sink.url("/e"))
    payloads = [b'{ "a": 1.10 }', b"[1,  2]", b'"\\u0041"']
    body = b'{"notifications":[' + b",".join(
        b'{"source":"s","type":"t","txNo":"b%d","receivers":["%s"],"payload":%s}' % (number, name.encode(), payload)
        for number, payload in enumerate(payloads)) + b"]}"
    answer = notifier.call("POST", "/v1/notifications", body, content_type="application/json")
    assert answer.status == 202, answer
    assert {one.body for one in sink.wait(3, "/e")} == set(payloads)
