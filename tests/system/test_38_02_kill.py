# SPDX-License-Identifier: Apache-2.0
"""kill -9 under load: what was accepted is delivered or still pending, its bytes and its times are what they were."""
import threading

import pytest
from client import wait_until
from notifier import ALLOW, Notifier
from receivers import by_attempt, ok, status

pytestmark = pytest.mark.ours


@pytest.mark.slow
def test_accepted_is_never_lost(own_server, sink):
    sink.on("/load", by_attempt(status(500), ok()))
    server = own_server(ALLOW)
    name = Notifier(server).receiver(sink.url("/load"), ladder="300ms*", timeoutMs=1000, breaker={"failures": 0})
    accepted, stop = {}, threading.Event()

    def submit(worker):
        api, number = Notifier(server), 0
        while not stop.is_set():
            body = b"%d %d " % (worker, number) + bytes(range(worker, 200))
            try:
                accepted[api.raw(name, body, tx_no=f"{worker} {number}")] = body
            except OSError:
                stop.wait(0.02)
                continue
            except Exception:  # pylint: disable=broad-except
                if not stop.is_set() and server.is_running:
                    stop.wait(0.02)
                continue
            number += 1
    workers = [threading.Thread(target=submit, args=(number,)) for number in range(4)]
    for one in workers:
        one.start()
    try:
        for _ in range(3):
            seen = len(accepted)
            wait_until(lambda: len(accepted) > seen + 100, 60, "load")
            server.restart(kill9=True)
    finally:
        stop.set()
        for one in workers:
            one.join()
    api = Notifier(server)
    rows = {one["id"]: one for one in api.list(receiver=name, limit=1000)}
    assert set(accepted) <= set(rows)
    wait_until(lambda: api.show(name)["waiting"] == 0, 180, "everything delivered")
    for id, body in accepted.items():
        requests = sink.got(id=id)
        assert requests and {one.body for one in requests} == {body}
    assert {one["state"] for one in api.list(receiver=name, limit=1000)} == {"delivered"}


def test_sudden_death_while_it_starts(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver("http://127.0.0.1:9/", ladder="1h", breaker={"failures": 0})
    ids = [api.submit(name) for _ in range(50)]
    for id in ids:
        api.wait_attempts(id, 1)
    api.good("PATCH", f"/v1/receivers/{name}", {"url": sink.url("/")})
    for _ in range(5):
        server.restart(kill9=True)
    assert [one["id"] for one in api.list(receiver=name)] == ids
    assert {one["state"] for one in api.list(receiver=name)} == {"waiting"} and sink.got() == []
