# SPDX-License-Identifier: Apache-2.0
"""Lists: every filter, page by page without a gap or a double, also while more comes in; dead letters by reason."""
import threading

import pytest
from notifier import ALLOW, Notifier, now_ms
from receivers import status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def fill(notifier, name, count, prefix="n", **more):
    items = [{"source": "s", "type": "t", "txNo": f"{prefix}{number}", "receivers": [name], "payload": number, **more} for number in range(count)]
    answer = notifier.call("POST", "/v1/notifications", {"notifications": items})
    assert answer.status == 202, answer
    return [one["notifications"][0]["id"] for one in answer.json["results"]]


def ids(rows):
    return [one["id"] for one in rows]


def test_pages(notifier, sink):
    name = notifier.receiver(sink.url("/a"))
    made = fill(notifier, name, 105)
    for limit in (None, 1000, 105, 104, 7, 1):
        assert ids(notifier.list(receiver=name, limit=limit)) == made


def test_filters(notifier, sink):
    sink.on("/b", status(500))
    name, other = notifier.receiver(sink.url("/b"), ladder="1ms"), notifier.receiver(sink.url("/c"))
    start_ms = now_ms()
    dead = notifier.submit(name, source="src", type="typ", tx_no="tx dead")
    waiting = notifier.submit(other, source="src", type="typ", tx_no="tx dead", dueAt=1 << 41)
    delivered = notifier.submit(other, source="src", type="other", tx_no="tx 2")
    cancelled = notifier.submit(other, source="src", type="typ", tx_no="tx 3", dueAt=1 << 41)
    notifier.wait(dead, "dead")
    notifier.wait(delivered, "delivered")
    notifier.good("POST", f"/v1/notifications/{cancelled}/cancel")
    everything = [dead, waiting, delivered, cancelled]
    for query, wanted in [({"source": "src"}, everything), ({"source": "src", "state": "dead"}, [dead]),
                          ({"source": "src", "state": "waiting"}, [waiting]), ({"source": "src", "state": "delivered"}, [delivered]),
                          ({"source": "src", "state": "cancelled"}, [cancelled]), ({"source": "src", "type": "typ"}, [dead, waiting, cancelled]),
                          ({"txNo": "tx dead"}, [dead, waiting]), ({"txNo": "tx dead", "receiver": name}, [dead]), ({"txNo": "none"}, []),
                          ({"source": "src", "state": "delivering"}, []), ({"receiver": name}, [dead]), ({"reason": "ladder", "source": "src"}, [dead]),
                          ({"reason": "gone", "source": "src"}, []), ({"source": "src", "acceptedFrom": start_ms - 1000}, everything),
                          ({"source": "src", "acceptedTo": start_ms - 1000}, []), ({"source": "Src"}, [])]:
        for limit in (None, 1):
            assert ids(notifier.list(limit=limit, **query)) == wanted, query
    row = notifier.list(txNo="tx dead", receiver=name)[0]
    whole = notifier.get(dead)
    assert row == {key: whole[key] for key in row} and {"payloadHash", "lastAttempts"} <= set(whole) - set(row)


def test_dead_letters_by_reason(notifier, sink):
    made = {}
    for reason, action, settings in [("ladder", 500, {"ladder": "1ms"}), ("limit", 500, {"ladder": "1ms*; limit=1"}),
                                     ("window", 500, {"ladder": "1h; window=1s"}), ("gone", 410, {})]:
        sink.on(f"/dead-{reason}", status(action))
        id = notifier.submit(notifier.receiver(sink.url(f"/dead-{reason}"), **settings), source="reasons")
        found = notifier.wait(id, "dead")
        assert found["reason"] == reason
        made[reason] = id
    for reason, id in made.items():
        assert ids(notifier.list(source="reasons", state="dead", reason=reason)) == [id]
    assert ids(notifier.list(source="reasons", state="dead")) == list(made.values())


def test_while_more_comes_in(server, sink):
    """Everything that was there when the list was begun is in it, once, in order."""
    api = Notifier(server)
    name = api.receiver(sink.url("/d"))
    before = fill(api, name, 300)
    stop, made = threading.Event(), []

    def go_on():
        while not stop.is_set() and len(made) < 200:
            made.append(Notifier(server).submit(name, tx_no=f"more {len(made)}"))
    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        found = ids(api.list(receiver=name, limit=13))
    finally:
        stop.set()
        thread.join()
    assert found[:300] == before and found == sorted(set(found))


def test_attempts_page_by_page(notifier, sink):
    sink.on("/e", status(500))
    id = notifier.submit(notifier.receiver(sink.url("/e"), ladder="1ms*29", breaker={"failures": 0}))
    notifier.wait(id, "dead")
    attempts = notifier.attempts(id)
    assert [one["number"] for one in attempts] == list(range(1, 31))
    assert notifier.attempts(id, limit=7) == attempts
    assert notifier.get(id)["lastAttempts"] == attempts[-20:]


def test_a_cursor_is_for_its_own_list(notifier, sink):
    name = notifier.receiver(sink.url("/f"))
    fill(notifier, name, 5, "cursor")
    cursor = notifier.good("GET", f"/v1/notifications?receiver={name}&limit=2")["nextCursor"]
    for path in ("/v1/redeliveries", "/v1/receivers"):
        assert notifier.call("GET", f"{path}?cursor={cursor}").status in (200, 400, 422)
    for wrong in (cursor[:-1], cursor + "x", cursor.swapcase(), "AAAA"):
        assert notifier.call("GET", f"/v1/notifications?receiver={name}&cursor={wrong}").status in (200, 400, 422)


def test_cursor_over_a_restart(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/g"))
    made = fill(api, name, 10)
    page = api.good("GET", f"/v1/notifications?receiver={name}&limit=4")
    server.restart(kill9=True)
    rest = api.good("GET", f"/v1/notifications?receiver={name}&limit=100&cursor={page['nextCursor']}")
    assert ids(page["items"]) + ids(rest["items"]) == made


def test_a_thousand_in_a_page(notifier, sink):
    name = notifier.receiver(sink.url("/h"))
    made = fill(notifier, name, 1000) + fill(notifier, name, 500, "m")
    assert ids(notifier.list(receiver=name, limit=1000)) == made
