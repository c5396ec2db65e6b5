# SPDX-License-Identifier: Apache-2.0
"""source, type, txNo and receiver are the key: the same again answers with the first, other bytes are a conflict."""
import concurrent.futures
import hashlib

import pytest
from notifier import ALLOW, Notifier

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def hashed(payload):
    return hashlib.sha256(payload).hexdigest()


def raw(notifier, name, payload, tx_no, source="pay", type="recharge.done"):
    return notifier.call("POST", "/v1/notifications", payload, content_type="text/plain", headers={
        "Tidings-Tx-No": tx_no, "Tidings-Source": source, "Tidings-Type": type, "Tidings-Receivers": name})


def test_same_again(notifier, sink):
    name = notifier.receiver(sink.url("/a"))
    first = raw(notifier, name, b"bytes", "same").json["notifications"][0]
    notifier.wait(first["id"], "delivered")
    again = raw(notifier, name, b"bytes", "same")
    assert again.status == 202
    assert again.json["notifications"] == [{"id": first["id"], "receiver": name, "duplicate": True}]
    marker = raw(notifier, name, b"marker", "marker").json["notifications"][0]["id"]
    notifier.wait(marker, "delivered")
    assert len(sink.got("/a", first["id"])) == 1


def test_other_bytes(notifier, sink):
    name = notifier.receiver(sink.url("/b"))
    first = raw(notifier, name, b"1.10", "other").json["notifications"][0]["id"]
    problem = raw(notifier, name, b"1.1", "other")
    assert problem.status == 409
    assert problem.json["storedHash"] == hashed(b"1.10") and problem.json["submittedHash"] == hashed(b"1.1")
    assert problem.json["id"] == first
    assert notifier.payload(first).body == b"1.10"


def test_every_part_of_the_key_counts(notifier, sink):
    one, two = notifier.receiver(sink.url("/c")), notifier.receiver(sink.url("/c"))
    ids = [raw(notifier, *words).json["notifications"][0]["id"] for words in [
        (one, b"x", "k"), (two, b"y", "k"), (one, b"z", "K"), (one, b"v", "k", "other"), (one, b"w", "k", "pay", "refund"),
        (one, b"1", "y.k", "pa"), (one, b"2", "k", "pay\u00e9".encode().decode("latin-1"))]]
    assert len(set(ids)) == len(ids)


def test_at_the_same_time(server, sink):
    """Sixteen at once with the same key: one notification, one first, one delivery."""
    api = Notifier(server)
    name = api.receiver(sink.url("/d"))
    for turn in range(5):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: raw(Notifier(server), name, b"bytes", f"race {turn}"), range(16)))
        found = [answer.json["notifications"][0] for answer in answers]
        assert {answer.status for answer in answers} == {202}
        assert len({one["id"] for one in found}) == 1
        assert sorted(one["duplicate"] for one in found) == [False] + [True] * 15
        api.wait(found[0]["id"], "delivered")
    assert len(sink.got("/d")) == 5


def test_conflict_at_the_same_time(server, sink):
    """Different bytes under one key: one is taken, all others are conflicts with it."""
    api = Notifier(server)
    name = api.receiver(sink.url("/e"))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: raw(Notifier(server), name, b"%d" % n, "conflict"), range(8)))
    [taken] = [answer for answer in answers if answer.status == 202]
    id = taken.json["notifications"][0]["id"]
    stored = hashed(api.payload(id).body)
    for answer in answers:
        if answer is not taken:
            assert answer.status == 409 and answer.json["id"] == id and answer.json["storedHash"] == stored


def test_one_of_several_receivers(notifier, sink):
    """New for one, there for the other: each is told."""
    one, two = notifier.receiver(sink.url("/f")), notifier.receiver(sink.url("/f"))
    first = notifier.submit(one, tx_no="several")
    answer = notifier.call("POST", "/v1/notifications", {"source": "pay", "type": "recharge.done", "txNo": "several",
                                                         "receivers": [one, two], "payload": {"n": 1}})
    assert answer.status == 202
    assert [(item["receiver"], item["duplicate"]) for item in answer.json["notifications"]] == [(one, True), (two, False)]
    assert answer.json["notifications"][0]["id"] == first


def test_after_a_restart(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/g"))
    first = raw(api, name, b"bytes", "kept").json["notifications"][0]["id"]
    api.wait(first, "delivered")
    server.restart(kill9=True)
    assert raw(api, name, b"bytes", "kept").json["notifications"] == [{"id": first, "receiver": name, "duplicate": True}]
    assert raw(api, name, b"others", "kept").status == 409
