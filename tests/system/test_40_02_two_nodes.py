# SPDX-License-Identifier: Apache-2.0
"""Two servers on one PostgreSQL: they share the work, no attempt is made twice, and what is changed through one is known to
the other within a second or so."""
import base64
import collections
import os

import pytest
import signatures
from client import wait_until
from keyfile import KeyFile
from notifier import ALLOW, Notifier
from receivers import hang, ok, slow, status

pytestmark = pytest.mark.ours


@pytest.fixture
def nodes(own_server, database):
    """The APIs of two servers on one database, with one seal key; nodes.start(…) does it with further flags."""
    env = {"TIDINGS_SEAL_KEY": base64.b64encode(os.urandom(32)).decode()}

    def start(*flags):
        return [Notifier(own_server(ALLOW, f"--notify-database={database.url}", f"--notify-node={number}", *flags, name=f"data{number}", env=env))
                for number in (1, 2)]
    return start


def known(api, name, check=lambda view: True):
    def look():
        answer = api.call("GET", f"/v1/receivers/{name}")
        return answer.json if answer.status == 200 and check(answer.json) else None
    return wait_until(look, what=f"receiver {name} on the other server")


def fill(api, names, count, prefix):
    items = [{"source": "s", "type": "t", "txNo": f"{prefix}{number}", "receivers": [name], "payload": number}
             for name in names for number in range(count)]
    answer = api.call("POST", "/v1/notifications", {"notifications": items})
    assert answer.status == 202, answer
    return [one["notifications"][0]["id"] for one in answer.json["results"]]


def test_receivers(nodes, sink):
    """Made, changed, paused, resumed and retired on one: so it is on the other."""
    a, b = nodes()
    name = a.receiver(sink.url("/made"))
    known(b, name)
    b.wait(b.submit(name), "delivered")
    assert len(sink.got("/made")) == 1
    version = a.good("PATCH", f"/v1/receivers/{name}", {"url": sink.url("/moved")})["version"]
    known(b, name, lambda view: view["version"] == version)
    b.wait(b.submit(name), "delivered")
    assert len(sink.got("/moved")) == 1
    a.good("POST", f"/v1/receivers/{name}/pause")
    known(b, name, lambda view: view["state"] == "paused")
    waiting = b.submit(name)
    b.good("POST", f"/v1/receivers/{name}/resume")
    known(a, name, lambda view: view["state"] == "active")
    a.wait(waiting, "delivered")
    a.good("DELETE", f"/v1/receivers/{name}")
    wait_until(lambda: b.call("GET", f"/v1/receivers/{name}").status == 404, what="gone on the other server")
    b.refused((404, 422), "POST", "/v1/notifications", {"source": "s", "type": "t", "txNo": "x", "receivers": [name], "payload": 1})


def test_paused_stops_what_waits(nodes, sink):
    """It is due on both servers, and neither sends."""
    a, b = nodes()
    sink.on("/p", status(500))
    name = a.receiver(sink.url("/p"), ladder="200ms*; window=1h", breaker={"failures": 0})
    known(b, name)
    id = b.submit(name)
    b.wait_attempts(id, 2)
    a.good("POST", f"/v1/receivers/{name}/pause")
    known(b, name, lambda view: view["state"] == "paused" and view["inFlight"] == 0)
    made = len(sink.got("/p"))
    marker = a.submit(a.receiver(sink.url("/marker"), ladder="1s 1s"), dueAt=0)
    a.wait(marker, "delivered")
    sink.on("/p", ok())
    assert len(sink.got("/p")) <= made + 1  # one may have been on its way to the record
    b.good("POST", f"/v1/receivers/{name}/resume")
    b.wait(id, "delivered")


def test_secrets(nodes, sink):
    a, b = nodes()
    old = signatures.secret()
    name = a.receiver(sink.url("/s"), secrets=[{"secret": old}])
    known(b, name)
    b.wait(b.submit(name), "delivered")
    new = a.good("POST", f"/v1/receivers/{name}/secrets", {"overlapMs": 0})
    known(b, name, lambda view: view["version"] == new["version"])
    b.wait(b.submit(name), "delivered")
    first, second = sink.wait(2, "/s")
    assert signatures.signatures(first) == [signatures.v1(first, old)]
    assert signatures.signatures(second) == [signatures.v1(second, new["secret"])]


def test_changes_at_the_same_time(nodes, sink):
    """Who names no version wins over what it could not know; who names one is told."""
    a, b = nodes()
    names = [a.receiver(sink.url("/x"), name=f"x{place}") for place in range(5)]
    for name in names:  # not known there yet
        assert b.good("PUT", f"/v1/receivers/{name}", {"url": sink.url("/y")})["version"] == 2
        assert a.good("PUT", f"/v1/receivers/{name}", {"url": sink.url("/z")})["version"] == 3
        assert b.good("PATCH", f"/v1/receivers/{name}", {"timeoutMs": 1234})["version"] == 4
    for api in (a, b):
        for name in names:
            view = known(api, name, lambda view: view["version"] == 4)
            assert view["settings"]["url"] == sink.url("/z") and view["settings"]["timeoutMs"] == 1234


def test_bindings(nodes, connect, sink, topic, group):
    """Both listen to the first one's MQ; after it is removed on one, neither does."""
    a, b = nodes()
    client = connect(a.server.broker)
    client.made_topic(topic)
    name = a.receiver(sink.url("/bound"))
    document = {"topic": topic, "group": group, "receivers": [name], "nameServers": a.server.namesrv}
    a.good("PUT", "/v1/bindings/shared", document)

    def shown(api, check):
        def look():
            answer = api.call("GET", "/v1/bindings/shared")
            return check(answer.json if answer.status == 200 else None)
        wait_until(look, 60, "the binding on the other server")
    for api in (a, b):
        shown(api, lambda view: view and view["state"] == "listening")
    client.sent(topic, b"{}", props={"KEYS": "tx-1"})
    sink.wait(1, "/bound")
    b.good("PUT", "/v1/bindings/shared", {**document, "type": "other"})
    shown(a, lambda view: view and view["settings"].get("type") == "other" and view["version"] == 2)
    b.good("DELETE", "/v1/bindings/shared")
    shown(a, lambda view: view is None)


def test_keys(nodes, sink, tmp_path):
    """A key that is taken out of the file they share is refused by both, without a signal."""
    file = KeyFile(tmp_path / "keys")
    boss, other = file.add("operator", "boss"), file.add("operator", "other")
    a, b = nodes(file.flag)
    for api in (a, b):
        api.key = other
        assert api.call("GET", "/v1/receivers").status == 200
    file.drop("other")
    for api in (a, b):
        wait_until(lambda: api.call("GET", "/v1/receivers").status == 401, what="the key is refused")
        api.key = boss
        assert api.call("GET", "/v1/receivers").status == 200


def test_the_work_is_shared(nodes, sink):
    """What one accepted and cannot send at once the other sends, and nothing twice."""
    a, b = nodes()
    sink.default = slow(0.05)
    names = [a.receiver(sink.url(f"/w{place}"), inFlight=4, ladder="1h", breaker={"failures": 0}) for place in range(4)]
    for name in names:
        known(b, name)
    ids = [id for part in "wxyz" for id in fill(a, names, 100, part)]
    for id in ids:
        b.wait(id, "delivered", within_s=120)
    counts = collections.Counter((one.id, one.attempt) for one in sink.got())
    assert set(counts.values()) == {1} and len(counts) == len(ids)
    made = [api.metrics()["tidings_notify_attempts_total"] for api in (a, b)]
    assert sum(made) == len(ids) and min(made) > 0, made
    for api in (a, b):
        for name in names:
            api.wait_receiver(name, lambda view: view["waiting"] == 0 and view["inFlight"] == 0)


def test_the_other_takes_over(nodes, sink):
    """kill -9 of the one that accepted: the other delivers what waits, leaves alone what was in hand, and after its start the
    first one takes that up again, while nothing of the other's is touched."""
    a, b = nodes()
    gate = hang()
    sink.on("/hand", gate, ok())
    sink.on("/other", gate, ok())
    hand = a.receiver(sink.url("/hand"), ladder="1h", timeoutMs=60_000)
    other = a.receiver(sink.url("/other"), ladder="1h", timeoutMs=60_000)
    later = a.receiver(sink.url("/later"), ladder="1h")
    for name in (hand, other, later):
        known(b, name)
    in_hand, others = a.submit(hand), b.submit(other)
    waits = a.submit(later, dueAt=a.get(in_hand)["acceptedAt"] + 4000)
    sink.wait(1, "/hand")
    sink.wait(1, "/other")
    a.server.kill9()
    b.wait(waits, "delivered", within_s=60)
    assert len(sink.got("/hand")) == 1 and b.get(in_hand)["state"] == "delivering"
    a.server.start()
    a.wait(in_hand, "delivered", within_s=80)
    assert [one["errorClass"] for one in b.attempts(in_hand)] == ["interrupted", "none"]
    assert [one.attempt for one in sink.got("/hand")] == [1, 2]
    assert a.get(others)["state"] == "delivering" and len(sink.got("/other")) == 1


def test_kills_in_turn(nodes, sink):
    """Each is killed in the middle of it; in the end all is delivered, and only what was in hand came again."""
    a, b = nodes()
    sink.default = slow(0.02)
    names = [a.receiver(sink.url(f"/k{place}"), inFlight=8, ladder="1h", timeoutMs=60_000, breaker={"failures": 0}) for place in range(3)]
    for name in names:
        known(b, name)
    ids = fill(a, names, 100, "a") + fill(b, names, 100, "b")
    for api in (a, b):
        before = len(sink.got())
        wait_until(lambda: len(sink.got()) >= before + 30, 60, "more is delivered")
        api.server.restart(kill9=True)
    for id in ids:
        a.wait(id, "delivered", within_s=120)
        attempts = a.attempts(id)
        assert all(one["errorClass"] in ("none", "interrupted") for one in attempts) and attempts[-1]["errorClass"] == "none"
        assert [one["number"] for one in attempts] == list(range(1, len(attempts) + 1))
    counts = collections.Counter((one.id, one.attempt) for one in sink.got())
    assert set(counts.values()) == {1}, [key for key, count in counts.items() if count > 1]
