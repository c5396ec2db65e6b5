# SPDX-License-Identifier: Apache-2.0
"""The record on PostgreSQL: the same course of a notification as on SQLite, seen from outside."""
import threading

import pytest
from client import wait_until
from notifier import ALLOW, Notifier, check_climb, check_dead
from receivers import hang, ok, status

pytestmark = pytest.mark.ours


@pytest.fixture(scope="module")
def pg(module_server, module_database):
    """The API of a server whose record is on PostgreSQL."""
    return Notifier(module_server(ALLOW, f"--notify-database={module_database.url}"))


def fill(api, name, count, prefix="n"):
    items = [{"source": "s", "type": "t", "txNo": f"{prefix}{number}", "receivers": [name], "payload": number} for number in range(count)]
    answer = api.call("POST", "/v1/notifications", {"notifications": items})
    assert answer.status == 202, answer
    return [one["notifications"][0]["id"] for one in answer.json["results"]]


def test_submit(pg, sink, module_database):
    name = pg.receiver(sink.url("/a"))
    body = b'{ "amount" : 1.10 }\x00\xff'
    id = pg.raw(name, body)
    found = pg.wait(id, "delivered")
    [request] = sink.wait(1, "/a")
    assert request.body == body and request.id == id and request.attempt == 1
    assert pg.payload(id).body == body and found["attempts"] == 1
    assert module_database.sql(f"SELECT count(*) FROM receiver WHERE name = '{name}'") == ["1"]  # it is there and nowhere else


def test_duplicate_and_conflict(pg, sink):
    name = pg.receiver(sink.url("/b"))
    first = pg.submit(name, {"n": 1}, tx_no="same")
    assert pg.submit(name, {"n": 1}, tx_no="same") == first
    pg.wait(first, "delivered")
    assert pg.submit(name, {"n": 1}, tx_no="same") == first
    problem = pg.refused(409, "POST", "/v1/notifications",
                         {"source": "pay", "type": "recharge.done", "txNo": "same", "receivers": [name], "payload": {"n": 2}})
    assert problem["id"] == first and len(sink.got("/b")) == 1


def test_the_same_from_many_sides(pg, sink):
    """One row, whoever comes first."""
    name, made = pg.receiver(sink.url("/c")), []
    threads = [threading.Thread(target=lambda: made.append(Notifier(pg.server).submit(name, {"n": 1}, tx_no="race"))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(made) == 8 and len(set(made)) == 1
    pg.wait(made[0], "delivered")
    assert len(sink.got("/c")) == 1


def test_ladder_and_dead_letter(pg, sink):
    sink.on("/d", status(500))
    id = pg.submit(pg.receiver(sink.url("/d"), ladder="10ms 1500ms 20ms", breaker={"failures": 0}))
    check_dead(pg.wait(id, "dead"), "ladder")
    attempts = pg.attempts(id)
    assert len(attempts) == 4 and all(one["status"] == 500 for one in attempts)
    check_climb(attempts, [10, 1500, 20])
    assert [one["id"] for one in pg.list(state="dead", reason="ladder")] == [id]


def test_redeliver_job(pg, sink):
    sink.on("/e", status(500))
    name = pg.receiver(sink.url("/e"), ladder="1ms; limit=1", breaker={"failures": 0})
    ids = fill(pg, name, 120, "e")
    wait_until(lambda: len(pg.list(receiver=name, state="dead")) == 120, 120, "all dead")
    sink.on("/e", ok())
    job = pg.good("POST", "/v1/redeliveries", {"receiver": name})["job"]
    done = wait_until(lambda: (lambda found: found if found["state"] == "done" else None)(pg.good("GET", f"/v1/redeliveries/{job}")))
    assert done["redelivered"] == 120 and done["refused"] == 0
    for id in ids:
        assert pg.wait(id, "delivered")["attempts"] == len(pg.attempts(id)) == 3
    assert pg.list(receiver=name, state="dead") == []


def test_lists_and_cursors(pg, sink):
    name = pg.receiver(sink.url("/f"))
    made = fill(pg, name, 105, "f")
    for limit in (None, 1000, 105, 104, 7):
        assert [one["id"] for one in pg.list(receiver=name, limit=limit)] == made
    assert [one["id"] for one in pg.list(txNo="f7")] == [made[7]]
    cancelled = pg.submit(name, tx_no="f-late", dueAt=1 << 41)
    assert [one["id"] for one in pg.list(receiver=name, state="waiting")] == [cancelled]
    pg.good("POST", f"/v1/notifications/{cancelled}/cancel")
    assert [one["id"] for one in pg.list(receiver=name, state="cancelled")] == [cancelled]


def test_retention(own_server, database, sink):
    sink.on("/dead", status(500))
    api = Notifier(own_server(ALLOW, f"--notify-database={database.url}", "--notify-retention=3s"))
    fine, bad = api.receiver(sink.url("/fine")), api.receiver(sink.url("/dead"), ladder="1ms")
    kept = api.submit(fine, tx_no="later", dueAt=1 << 41)
    for id in (api.submit(fine, tx_no="fine"), api.submit(bad, tx_no="dead")):
        wait_until(lambda: api.call("GET", f"/v1/notifications/{id}").status == 404, 120, f"{id} is gone")
    assert [one["id"] for one in api.list()] == [kept]
    assert database.sql("SELECT (SELECT count(*) FROM archive), (SELECT count(*) FROM attempt), (SELECT count(*) FROM dedup)") == ["0|0|1"]
    again = api.submit(fine, {"n": 2}, tx_no="fine")
    assert [one.attempt for one in sink.wait(1, "/fine", again)] == [1]  # by the record it may be gone again already


@pytest.mark.parametrize("kill9", [False, True])
def test_restart(own_server, database, sink, kill9):
    """What was accepted goes on, in its place on the ladder; what was in hand comes at once, under the same id."""
    sink.on("/climb", status(500))
    sink.on("/out", hang(), ok())
    server = own_server(ALLOW, f"--notify-database={database.url}")
    api = Notifier(server)
    climbing = api.submit(api.receiver(sink.url("/climb"), ladder="10ms 7s 30ms", breaker={"failures": 0}))
    out = api.submit(api.receiver(sink.url("/out"), ladder="1h", timeoutMs=60_000))
    late = api.submit(api.receiver(sink.url("/late"), ladder="1h"), dueAt=1 << 41)
    sink.wait(1, "/out")
    api.wait_attempts(climbing, 2)
    server.restart(kill9=kill9)
    first, second = sink.wait(2, "/out", within_s=80)
    assert (first.id, first.body, first.attempt) == (out, second.body, 1) and (second.id, second.attempt) == (out, 2)
    api.wait(out, "delivered")
    assert [one["errorClass"] for one in api.attempts(out)] == ["interrupted", "none"]
    check_dead(api.wait(climbing, "dead"), "ladder")
    check_climb(api.attempts(climbing), [10, 7000, 30])
    assert api.get(late)["state"] == "waiting" and not sink.got("/late")


def test_a_lost_database_comes_back(own_server, database, sink):
    server = own_server(ALLOW, f"--notify-database={database.url}")
    api = Notifier(server)
    name = api.receiver(sink.url("/lost"))
    api.wait(api.submit(name), "delivered")
    database.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")

    def again():
        answer = api.call("POST", "/v1/notifications", {"source": "s", "type": "t", "txNo": "after", "receivers": [name], "payload": 1})
        assert answer.status in (202, 503), answer
        return answer.json["notifications"][0]["id"] if answer.status == 202 else None
    id = wait_until(again, what="the database is back")
    wait_until(lambda: api.call("GET", f"/v1/notifications/{id}").status == 200, what="it can be read from, too")
    api.wait(id, "delivered")
    assert len(sink.got("/lost")) == 2
