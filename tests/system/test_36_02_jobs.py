# SPDX-License-Identifier: Apache-2.0
"""Bulk redelivery: a durable job with progress, that goes on after a restart and ends when it is told to."""
import pytest
from client import wait_until
from notifier import ALLOW, Notifier, now_ms
from receivers import ok, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def fill(api, name, count, prefix="j", type="t"):
    """So many for a receiver; their ids."""
    ids = []
    for first in range(0, count, 1000):
        items = [{"source": "s", "type": type, "txNo": f"{prefix}{number}", "receivers": [name], "payload": number}
                 for number in range(first, min(first + 1000, count))]
        answer = api.call("POST", "/v1/notifications", {"notifications": items})
        assert answer.status == 202, answer
        ids += [one["notifications"][0]["id"] for one in answer.json["results"]]
    return ids


def dead(api, sink, path, count, prefix="j", **more):
    sink.on(path, status(500))
    name = api.receiver(sink.url(path), ladder="1ms; limit=1", breaker={"failures": 0}, **more)
    ids = fill(api, name, count, prefix)
    wait_until(lambda: len(api.list(receiver=name, state="dead", limit=1000)) == count, 240, "all dead")
    return name, ids


def start(api, **filter):
    answer = api.call("POST", "/v1/redeliveries", filter)
    assert answer.status == 202, answer
    return answer.json["job"]


def wait_job(api, job, state="done", within_s=240):
    return wait_until(lambda: (lambda found: found if found["state"] == state else None)(api.good("GET", f"/v1/redeliveries/{job}")),
                      within_s, f"job {job} {state}")


def test_all_dead_ones(notifier, sink):
    name, ids = dead(notifier, sink, "/a", 300)
    other, others = dead(notifier, sink, "/a2", 20, "o")
    sink.on("/a", ok())
    job = start(notifier, receiver=name)
    found = wait_job(notifier, job)
    assert found["redelivered"] == 300 and found["refused"] == 0 and found["looked"] >= 300
    assert found["filter"]["receiver"] == name and found["createdAt"] <= found["changedAt"]
    for id in ids:
        notifier.wait(id, "delivered")
    assert {notifier.get(id)["state"] for id in others} == {"dead"}
    assert other


def test_filters(notifier, sink):
    sink.on("/b", status(500))
    name = notifier.receiver(sink.url("/b"), ladder="1ms; limit=1", breaker={"failures": 0})
    first = [notifier.submit(name, source="one", type="x"), notifier.submit(name, source="two", type="x"), notifier.submit(name, source="one", type="y")]
    for id in first:
        notifier.wait(id, "dead")
    between_ms = now_ms() + 1
    wait_until(lambda: now_ms() > between_ms)
    late = notifier.submit(name, source="one", type="x")
    notifier.wait(late, "dead")
    sink.on("/b", ok())
    for filter, wanted in (({"source": "one", "type": "y"}, [first[2]]), ({"source": "two"}, [first[1]]),
                           ({"acceptedFrom": between_ms}, [late]), ({"acceptedTo": between_ms}, [first[0]])):
        before = {id for id in [*first, late] if notifier.get(id)["state"] == "dead"}
        found = wait_job(notifier, start(notifier, receiver=name, **filter))
        assert found["redelivered"] == len(wanted), filter
        for id in wanted:
            notifier.wait(id, "delivered")
        assert {id for id in before if notifier.get(id)["state"] == "dead"} == before - set(wanted)


def test_by_reason_and_state(notifier, sink):
    sink.on("/c", status(500), status(410))
    name = notifier.receiver(sink.url("/c"), ladder="1h; limit=5", breaker={"failures": 0}, inFlight=1)
    window = notifier.submit(name, ladder="1h; window=1s")
    notifier.wait(window, "dead")
    gone = notifier.submit(name)
    notifier.wait(gone, "dead")
    sink.on("/c", ok())
    notifier.good("POST", f"/v1/receivers/{name}/resume")
    assert wait_job(notifier, start(notifier, receiver=name, reason="gone"))["redelivered"] == 1
    notifier.wait(gone, "delivered")
    assert notifier.get(window)["state"] == "dead"
    assert wait_job(notifier, start(notifier, receiver=name, state="delivered"))["redelivered"] == 1
    wait_until(lambda: len(sink.got("/c", gone)) == 3)


def test_with_a_ladder(notifier, sink):
    name, ids = dead(notifier, sink, "/d", 3, "d")
    wait_job(notifier, start(notifier, receiver=name, ladder="7h"))
    for id in ids:
        last = notifier.wait_attempts(id, 3)[-1]
        assert last["nextDueAt"] >= last["begunAt"] + 7 * 3_600_000


def test_cancel(notifier, sink):
    """What it has set going stays; the counts stop."""
    name, ids = dead(notifier, sink, "/e", 3000, "e")
    notifier.good("POST", f"/v1/receivers/{name}/pause")
    job = start(notifier, receiver=name)
    answer = notifier.call("POST", f"/v1/redeliveries/{job}/cancel")
    assert answer.status in (200, 409), answer
    found = notifier.good("GET", f"/v1/redeliveries/{job}")
    assert found["state"] == ("cancelled" if answer.status == 200 else "done")
    waiting = notifier.list(receiver=name, state="waiting", limit=1000)
    assert len(waiting) == found["redelivered"] and len(ids) == 3000
    assert len(notifier.list(receiver=name, state="dead", limit=1000)) == 3000 - found["redelivered"]
    assert notifier.call("POST", f"/v1/redeliveries/{job}/cancel").status == 409


@pytest.mark.parametrize("kill9", [False, True])
def test_restart_in_the_middle(own_server, sink, kill9):
    """Each of them gets its new course, exactly one of them."""
    server = own_server(ALLOW)
    api = Notifier(server)
    name, ids = dead(api, sink, "/f", 5000, "f")
    sink.on("/f", ok())
    job = start(api, receiver=name)
    server.restart(kill9=kill9)
    found = wait_job(api, job)
    assert found["redelivered"] == 5000
    wait_until(lambda: api.show(name)["waiting"] == 0, 180, "all delivered")
    rows = api.list(receiver=name, limit=1000)
    assert {one["state"] for one in rows} == {"delivered"} and len(rows) == 5000
    for id in ids[::500]:  # what was in hand at the kill was made again
        assert sum(one["errorClass"] != "interrupted" for one in api.attempts(id)) == 3


def test_what_died_behind_it(notifier, sink):
    """A job ends though its own deliveries fail again: they are not taken a second time."""
    name, ids = dead(notifier, sink, "/g", 50, "g")
    found = wait_job(notifier, start(notifier, receiver=name))
    assert found["redelivered"] == 50
    for id in ids:
        notifier.wait_attempts(id, 4)
    wait_until(lambda: len(notifier.list(receiver=name, state="dead")) == 50)
    assert len(sink.got("/g")) == 200


def test_what_waits_is_counted(notifier, sink):
    """The count of what waits, which a job raises while deliveries lower it, is 0 when nothing waits."""
    name = notifier.receiver(sink.url("/counted"), inFlight=256)
    fill(notifier, name, 8000, "counted")
    wait_until(lambda: len(notifier.list(receiver=name, state="delivered", limit=1000)) == 8000, 400)
    wait_until(lambda: notifier.show(name)["waiting"] == 0)
    wait_job(notifier, start(notifier, receiver=name, state="delivered"))
    sink.wait(16_000, "/counted", within_s=400)
    wait_until(lambda: len(notifier.list(receiver=name, state="delivered", limit=1000)) == 8000, 120)
    wait_until(lambda: notifier.show(name)["waiting"] == 0, what="nothing waits")
    wait_until(lambda: notifier.metrics()["tidings_notify_in_flight"] == 0, what="nothing is out")


def test_list(notifier, sink):
    name = notifier.receiver(sink.url("/h"))
    jobs = [start(notifier, receiver=name) for _ in range(7)]
    for job in jobs:
        assert wait_job(notifier, job)["redelivered"] == 0
    found = [one["job"] for one in notifier.pages("/v1/redeliveries", limit=3)]
    assert found == sorted(found, reverse=True) and set(jobs) <= set(found)


@pytest.mark.parametrize("body", [{"state": "waiting"}, {"state": "x"}, {"reason": "x"}, {"colour": "red"}, {"ladder": "5x"}, {"acceptedFrom": "x"},
                                  {"receiver": 7}, []])
def test_wrong_requests(notifier, body):
    assert notifier.call("POST", "/v1/redeliveries", body).status in (400, 422)


def test_not_there(notifier):
    notifier.refused(404, "GET", "/v1/redeliveries/999999")
    notifier.refused(404, "POST", "/v1/redeliveries/999999/cancel")
    assert notifier.call("GET", "/v1/redeliveries/x").status in (400, 404, 422)
    assert notifier.call("POST", "/v1/redeliveries", {"receiver": "nobody"}).status in (202, 404, 422)
