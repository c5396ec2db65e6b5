# SPDX-License-Identifier: Apache-2.0
"""Idempotency-Key: the same request again is answered as the first was, another request under the key is refused."""
import concurrent.futures
import json

import pytest
from notifier import ALLOW, Notifier

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def post(notifier, key, document):
    return notifier.call("POST", "/v1/notifications", json.dumps(document).encode(), content_type="application/json",
                         headers={"Idempotency-Key": key})


def same(first, again):
    """The same answer, and the second says that it is."""
    return (again.status, again.body) == (first.status, first.body) and not replayed(first) and replayed(again)


def replayed(answer):
    said = answer.header("Idempotency-Replayed")
    assert said in (None, "true")
    return said == "true"


def document(name, tx_no, payload=1):
    return {"source": "pay", "type": "recharge.done", "txNo": tx_no, "receivers": [name], "payload": payload}


def test_same_request(notifier, sink):
    name = notifier.receiver(sink.url("/a"))
    first = post(notifier, "key 1", document(name, "t1"))
    again = post(notifier, "key 1", document(name, "t1"))
    assert first.status == again.status == 202
    assert same(first, again)


def test_another_request(notifier, sink):
    name = notifier.receiver(sink.url("/b"))
    post(notifier, "key 2", document(name, "t2"))
    for other in (document(name, "t2", 2), document(name, "t3")):
        assert post(notifier, "key 2", other).status == 422
    assert [one["txNo"] for one in notifier.list(receiver=name)] == ["t2"]


def test_batches(notifier, sink):
    name = notifier.receiver(sink.url("/c"))
    batch = {"notifications": [document(name, "t4"), document("nobody", "t5")]}
    first = post(notifier, "key 3", batch)
    again = post(notifier, "key 3", batch)
    assert first.status == again.status == 207 and same(first, again)


def test_length(notifier, sink):
    name = notifier.receiver(sink.url("/d"))
    assert post(notifier, "k" * 255, document(name, "t6")).status == 202
    assert post(notifier, "k" * 256, document(name, "t7")).status in (400, 422)
    assert post(notifier, "", document(name, "t8")).status in (400, 422)


def test_at_the_same_time(server, sink):
    """None of them makes a second one; each is told the same, or to come again."""
    name = Notifier(server).receiver(sink.url("/e"))
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: post(Notifier(server), "key race", document(name, "t9")), range(12)))
    assert {answer.status for answer in answers} <= {202, 409}, answers
    assert len({answer.body for answer in answers if answer.status == 202}) == 1
    assert sum(not replayed(answer) for answer in answers) == 1


def test_what_was_there_before(notifier, sink):
    """A first request that finds something is told so, and so is its repeat; without a key it is the plain answer."""
    name = notifier.receiver(sink.url("/g"))
    notifier.call("POST", "/v1/notifications", document(name, "t12"))
    batch = {"notifications": [document(name, "t12"), document(name, "t13")]}
    first = post(notifier, "key 6", batch)
    assert [one["notifications"][0]["duplicate"] for one in first.json["results"]] == [True, False]
    assert same(first, post(notifier, "key 6", batch))
    plain = notifier.call("POST", "/v1/notifications", batch)
    assert [one["notifications"][0]["duplicate"] for one in plain.json["results"]] == [True, True] and not replayed(plain)


def test_problems_again(notifier, sink):
    """A conflict is answered again; what was refused for want of a receiver is done when there is one."""
    name = notifier.receiver(sink.url("/h"))
    notifier.submit(name, {"n": 1}, tx_no="t14")
    first = post(notifier, "key 7", document(name, "t14", 2))
    assert first.status == 409 and same(first, post(notifier, "key 7", document(name, "t14", 2)))
    late = document("receiver-late", "t15")
    assert post(notifier, "key 8", late).status == 404
    notifier.receiver(sink.url("/h"), name="receiver-late")
    done = post(notifier, "key 8", late)
    assert done.status == 202 and not replayed(done) and not done.json["notifications"][0]["duplicate"]
    assert same(done, post(notifier, "key 8", late))


def test_several_receivers(notifier, sink):
    names = [notifier.receiver(sink.url("/i")) for _ in range(3)]
    both = {**document(names[0], "t16"), "receivers": names}
    first = post(notifier, "key 9", both)
    assert len(first.json["notifications"]) == 3 and same(first, post(notifier, "key 9", both))


def test_after_kill(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/f"))
    first = post(api, "key 5", document(name, "t10"))
    server.restart(kill9=True)
    assert same(first, post(api, "key 5", document(name, "t10")))
    assert post(api, "key 5", document(name, "t11")).status == 422
