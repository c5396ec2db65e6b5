# SPDX-License-Identifier: Apache-2.0
"""Bindings: messages of a topic become notifications, acknowledged only when those are durable."""
import json

import pytest
from client import Client, wait_until
from notifier import ALLOW, Notifier

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def bind(notifier, name, topic, group, **more):
    return notifier.good("PUT", f"/v1/bindings/{name}", {"topic": topic, "group": group, **more})


def listening(notifier, name):
    return wait_until(lambda: (lambda one: one if one["state"] == "listening" else None)(notifier.good("GET", f"/v1/bindings/{name}")), 60,
                      f"binding {name}")


def only(notifier, receiver, count=1):
    wait_until(lambda: len(notifier.list(receiver=receiver)) >= count, 60, f"{count} notifications")
    found = notifier.list(receiver=receiver)
    assert len(found) == count
    return [notifier.get(one["id"]) for one in found]


def test_main_path(notifier, client, sink, topic, group):
    client.made_topic(topic)
    name = notifier.receiver(sink.url("/a"))
    bind(notifier, "main", topic, group, receivers=[name])
    body = b'{ "amount" : 1.10 }\x00\xff'
    client.sent(topic, body, props={"KEYS": "tx-7 other", "TAGS": "recharge.done"})
    [request] = sink.wait(1, "/a")
    [found] = only(notifier, name)
    assert request.body == body and request.header("content-type") == "application/json" and request.id == found["id"]
    assert (found["source"], found["type"], found["txNo"]) == (f"mq:{topic}", "recharge.done", "tx-7")
    notifier.wait(found["id"], "delivered")
    wait_until(lambda: client.committed(group, topic) == 1 or any(client.committed(group, topic, q) for q in range(4)))
    view = listening(notifier, "main")
    assert view["accepted"] == 1 and view["refused"] == 0 and view["settings"]["topic"] == topic


@pytest.mark.parametrize("rule,props,body,wanted", [
    ("id", {"UNIQ_KEY": "U123"}, b"{}", "U123"), ("key", {"KEYS": "k1 k2"}, b"{}", "k1"), ("property:order", {"order": "o-9"}, b"{}", "o-9"),
    ("json:/data/no", {}, b'{"data":{"no":"n-5"}}', "n-5"), ("json:/no", {}, b'{"no":9007199254740993}', "9007199254740993"),
    ("json:/no", {}, b'{"no":9223372036854775807}', "9223372036854775807")])
def test_where_the_tx_no_stands(notifier, client, sink, topic, group, rule, props, body, wanted):
    client.made_topic(topic)
    name = notifier.receiver(sink.url("/b"))
    bind(notifier, topic, topic, group, receivers=[name], txNo=rule, type="fixed", source="shop", contentType="text/plain")
    client.sent(topic, body, props=props)
    [found] = only(notifier, name)
    assert (found["txNo"], found["type"], found["source"], found["contentType"]) == (wanted, "fixed", "shop", "text/plain")


def test_tags_and_subscription(notifier, client, sink, topic, group):
    """The binding's tags choose; without receivers all that subscribe to the type get it."""
    client.made_topic(topic)
    names = [notifier.receiver(sink.url("/c"), types=[f"{topic}-paid"]), notifier.receiver(sink.url("/c"), types=[f"{topic}-*"])]
    other = notifier.receiver(sink.url("/c"), types=["nothing"])
    bind(notifier, topic, topic, group, tags=f"{topic}-paid || {topic}-back")
    for tag in ("paid", "lost", "back"):
        client.sent(topic, b"{}", props={"KEYS": tag, "TAGS": f"{topic}-{tag}"})
    sink.wait(3, "/c")
    assert [one["txNo"] for one in only(notifier, names[0])] == ["paid"]
    assert [one["txNo"] for one in only(notifier, names[1], 2)] == ["paid", "back"]
    assert notifier.list(receiver=other) == []


def test_the_same_message_again(notifier, client, sink, topic, group):
    """Two messages with one key are one notification."""
    client.made_topic(topic)
    name = notifier.receiver(sink.url("/d"))
    bind(notifier, topic, topic, group, receivers=[name])
    for _ in range(3):
        client.sent(topic, b"same", props={"KEYS": "twice", "TAGS": "t"})
    client.sent(topic, b"last", props={"KEYS": "last", "TAGS": "t"})
    assert {one["txNo"] for one in only(notifier, name, 2)} == {"twice", "last"}
    assert len(sink.wait(2, "/d")) == 2


def test_what_cannot_be_taken_does_not_block(notifier, client, sink, topic, group):
    """A message without a key, or of which nobody wants to hear, is given back to the MQ, and others go on."""
    client.made_topic(topic, queues=1)
    name = notifier.receiver(sink.url("/e"))
    bind(notifier, topic, topic, group, receivers=[name], txNo="property:order")
    client.sent(topic, b"without")
    client.sent(topic, b"with", props={"order": "1"})
    [found] = only(notifier, name)
    assert found["txNo"] == "1"
    view = wait_until(lambda: (lambda one: one if one["refused"] else None)(notifier.good("GET", f"/v1/bindings/{topic}")))
    assert view["error"] and view["accepted"] == 1
    wait_until(lambda: client.committed(group, topic) == 2)


def test_a_conflict_is_told(notifier, client, sink, topic, group):
    client.made_topic(topic, queues=1)
    name = notifier.receiver(sink.url("/f"))
    bind(notifier, topic, topic, group, receivers=[name])
    client.sent(topic, b"1.10", props={"KEYS": "k", "TAGS": "t"})
    client.sent(topic, b"1.11", props={"KEYS": "k", "TAGS": "t"})
    client.sent(topic, b"next", props={"KEYS": "n", "TAGS": "t"})
    only(notifier, name, 2)
    assert notifier.payload(notifier.list(receiver=name, txNo="k")[0]["id"]).body == b"1.10"
    wait_until(lambda: notifier.metrics()["tidings_notify_conflicts_total"] >= 1)


def test_transactions(notifier, client, sink, topic, group):
    """R3: a half message makes nothing; once it is committed its notification is made."""
    from transactions import end, half
    client.made_topic(topic)
    name = notifier.receiver(sink.url("/g"))
    bind(notifier, topic, topic, group, receivers=[name])
    committed, rolled_back = (half(client, topic, body, KEYS=key, TAGS="t") for body, key in ((b"yes", "c"), (b"no", "r")))
    client.sent(topic, b"plain", props={"KEYS": "p", "TAGS": "t"})
    only(notifier, name)
    end(client, rolled_back, 12)
    end(client, committed, 8)
    assert {one["txNo"] for one in only(notifier, name, 2)} == {"p", "c"}


def test_change_and_delete(notifier, client, sink, topic, group, new_name):
    second = client.made_topic(new_name("topic"))
    client.made_topic(topic)
    name = notifier.receiver(sink.url("/h"))
    bind(notifier, "changed", topic, group, receivers=[name])
    client.sent(topic, b"1", props={"KEYS": "1"})
    only(notifier, name)
    bind(notifier, "changed", second, group, receivers=[name])
    client.sent(second, b"2", props={"KEYS": "2"})
    only(notifier, name, 2)
    assert notifier.call("DELETE", "/v1/bindings/changed").status == 204
    notifier.refused(404, "GET", "/v1/bindings/changed")
    notifier.refused(404, "DELETE", "/v1/bindings/changed")
    client.sent(second, b"3", props={"KEYS": "3"})
    notifier.wait(notifier.submit(notifier.receiver(sink.url("/marker"))), "delivered")
    assert len(notifier.list(receiver=name)) == 2
    bind(notifier, "changed", second, group, receivers=[name])  # it waited in the MQ meanwhile
    only(notifier, name, 3)
    assert "changed" in [one["name"] for one in notifier.good("GET", "/v1/bindings")["items"]]


def test_an_mq_that_is_not_there(notifier, client, sink, topic, group):
    """Its binding says so and tries on; others do not notice."""
    client.made_topic(topic)
    name = notifier.receiver(sink.url("/i"))
    bind(notifier, "nowhere", topic, group + "x", receivers=[name], nameServers="127.0.0.1:9")
    view = wait_until(lambda: (lambda one: one if one.get("error") else None)(notifier.good("GET", "/v1/bindings/nowhere")))
    assert view["error"]
    bind(notifier, topic, topic, group, receivers=[name])
    client.sent(topic, b"1", props={"KEYS": "1"})
    only(notifier, name)
    notifier.good("DELETE", "/v1/bindings/nowhere")


@pytest.mark.parametrize("document,field", [
    ({}, "topic"), ({"topic": "t"}, "group"), ({"topic": "bad name", "group": "g"}, "topic"), ({"topic": "t", "group": "g", "colour": 1}, "colour"),
    ({"topic": 7, "group": "g"}, "topic"), ({"topic": "t", "group": "g", "txNo": "what"}, "txNo"), ({"topic": "t", "group": "g", "txNo": "json:x"}, "txNo"),
    ({"topic": "t", "group": "g", "receivers": "x"}, "receivers"), ({"topic": "t", "group": "g", "nameServers": "x"}, "nameServers"),
    ({"topic": "t", "group": "g", "settings": {"colour": "red"}}, "colour")])
def test_wrong_documents(notifier, document, field):
    notifier.invalid("PUT", "/v1/bindings/wrong", document, field=field)
    notifier.refused(404, "GET", "/v1/bindings/wrong")


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 3])
def test_killed_between(own_server, sink, times):
    """kill -9 at any moment: each message is a notification exactly once, or comes again until it is."""
    server = own_server(ALLOW, "--topic=killed:2")
    api = Notifier(server)
    name = api.receiver(sink.url("/killed"))
    bind(api, "killed", "killed", "killed_group", receivers=[name])
    sent = 0
    for _ in range(times):
        with Client(server.broker) as client:
            for number in range(sent, sent + 300):
                client.sent("killed", b"%d" % number, queue=number % 2, props={"KEYS": f"k{number}"})
        sent += 300
        wait_until(lambda: len(api.list(receiver=name, limit=1000)) > sent - 300, 60)
        server.restart(kill9=True)
    wait_until(lambda: len(api.list(receiver=name, limit=1000)) == sent, 120, "all messages are notifications")
    rows = api.list(receiver=name, limit=1000)
    assert sorted(one["txNo"] for one in rows) == sorted(f"k{number}" for number in range(sent))
    wait_until(lambda: api.show(name)["waiting"] == 0, 120)
    assert {one.body for one in sink.got("/killed")} == {b"%d" % number for number in range(sent)}
    with Client(server.broker) as client:
        wait_until(lambda: sum(client.committed("killed_group", "killed", queue) or 0 for queue in range(2)) == sent, 60)


def test_kept(own_server, sink):
    server = own_server(ALLOW, "--topic=kept:1")
    api = Notifier(server)
    name = api.receiver(sink.url("/kept"))
    before = bind(api, "kept", "kept", "kept_group", receivers=[name], tags="a || b", txNo="id")
    server.restart(kill9=True)
    after = api.good("GET", "/v1/bindings/kept")
    assert after["settings"] == before["settings"] and after["version"] == before["version"]
    with Client(server.broker) as client:
        client.sent("kept", json.dumps({}).encode(), props={"TAGS": "a", "UNIQ_KEY": "U1"})
    only(api, name)
