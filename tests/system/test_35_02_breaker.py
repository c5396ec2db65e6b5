# SPDX-License-Identifier: Apache-2.0
"""The breaker: failures in a row park the receiver; one probe at a time finds out whether it is back."""
import pytest
from client import wait_until
from notifier import ALLOW, Notifier
from receivers import busy, ok, reset, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
SETTINGS = {"breaker": {"failures": 3, "probeMs": 1500, "probeMaxMs": 6000}, "inFlight": 1, "ladder": "20ms*"}


def parked(notifier, name):
    return notifier.wait_receiver(name, lambda view: view["breaker"]["open"])


@pytest.mark.parametrize("kind,action", [("500", status(500)), ("502", status(502)), ("reset", reset())])
def test_parks_and_probes(notifier, sink, kind, action):
    path = f"/park{kind}"
    sink.on(path, action)
    name = notifier.receiver(sink.url(path), **SETTINGS)
    ids = [notifier.submit(name) for _ in range(10)]
    view = parked(notifier, name)
    assert view["breaker"]["failures"] >= 3 and view["breaker"]["nextProbeAt"] > sink.got(path)[2].wall_ms
    requests = sink.wait(5, path)  # the two behind the third are probes
    assert requests[3].wall_ms - requests[2].wall_ms >= 1400
    assert requests[4].wall_ms - requests[3].wall_ms >= 2800  # twice as long
    sink.on(path, ok())
    for id in ids:
        notifier.wait(id, "delivered")
    assert notifier.show(name)["breaker"]["open"] is False


def test_what_is_no_failure_of_the_receiver(notifier, sink):
    """A 4xx says that it is there."""
    sink.on("/404", status(404))
    name = notifier.receiver(sink.url("/404"), **{**SETTINGS, "ladder": "5ms*15"})
    notifier.wait(notifier.submit(name), "dead")
    assert notifier.show(name)["breaker"]["open"] is False


def test_only_in_a_row(notifier, sink):
    sink.on("/row", *[status(500), status(500), ok()] * 5)
    name = notifier.receiver(sink.url("/row"), **SETTINGS)
    for _ in range(4):
        notifier.wait(notifier.submit(name), "delivered")
        assert notifier.show(name)["breaker"]["open"] is False


def test_never(notifier, sink):
    sink.on("/never", status(500))
    name = notifier.receiver(sink.url("/never"), ladder="2ms*20", breaker={"failures": 0})
    notifier.wait(notifier.submit(name), "dead")
    assert len(sink.got("/never")) == 21 and notifier.show(name)["breaker"]["open"] is False


def test_resume_closes_it(notifier, sink):
    sink.on("/resume", status(500))
    name = notifier.receiver(sink.url("/resume"), ladder="10ms*", inFlight=1,
                             breaker={"failures": 2, "probeMs": 600_000, "probeMaxMs": 600_000})
    id = notifier.submit(name)
    parked(notifier, name)
    before = len(sink.got("/resume"))
    sink.on("/resume", ok())
    assert notifier.good("POST", f"/v1/receivers/{name}/resume")["breaker"]["open"] is False
    notifier.wait(id, "delivered")
    assert len(sink.got("/resume")) == before + 1


def test_parked_ones_do_not_use_up_their_ladder(notifier, sink):
    """What waits behind a parked receiver is not attempted, and so loses no rung."""
    sink.on("/rungs", status(500))
    name = notifier.receiver(sink.url("/rungs"), ladder="20ms 20ms", inFlight=1,
                             breaker={"failures": 2, "probeMs": 600_000, "probeMaxMs": 600_000})
    ids = [notifier.submit(name) for _ in range(10)]
    parked(notifier, name)
    other = notifier.receiver(sink.url("/other"))
    notifier.wait(notifier.submit(other), "delivered")
    assert sum(notifier.get(id)["attempts"] for id in ids) == len(sink.got("/rungs")) <= 3
    assert all(notifier.get(id)["state"] == "waiting" for id in ids)


def test_metrics(notifier, sink):
    sink.on("/metric", status(500))
    name = notifier.receiver(sink.url("/metric"), ladder="10ms*", breaker={"failures": 2, "probeMs": 600_000, "probeMaxMs": 600_000})
    before = notifier.metrics()["tidings_notify_receivers_parked"]
    notifier.submit(name)
    parked(notifier, name)
    wait_until(lambda: notifier.metrics()["tidings_notify_receivers_parked"] == before + 1)


def test_after_a_restart(own_server, sink):
    """A start begins with it closed, or keeps it: either way everything is delivered once the receiver is back."""
    sink.on("/restart", status(500))
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/restart"), **SETTINGS)
    ids = [api.submit(name) for _ in range(5)]
    parked(api, name)
    server.restart(kill9=True)
    sink.on("/restart", ok())
    for id in ids:
        api.wait(id, "delivered", within_s=120)


@pytest.mark.parametrize("kill9", [False, True])
def test_it_is_open_still_after_a_restart(own_server, sink, kill9):
    """So are the times that a receiver asked for; failures in a row go on, and what an operator closed stays closed."""
    server = own_server(ALLOW)
    api = Notifier(server)
    sink.on("/open", status(500))
    sink.on("/slow", busy("600"))
    sink.on("/closed", status(500))
    rare = {"failures": 2, "probeMs": 600_000, "probeMaxMs": 600_000}
    opened = api.receiver(sink.url("/open"), ladder="10ms*", inFlight=1, breaker=rare)
    slowed = api.receiver(sink.url("/slow"), ladder="10ms*", inFlight=1)
    closed = api.receiver(sink.url("/closed"), ladder="1h", inFlight=1, breaker=rare)
    waits = [api.submit(name) for name in (opened, slowed, opened)]
    others = [api.submit(closed) for _ in range(2)]
    was = [parked(api, opened), api.wait_receiver(slowed, lambda view: view.get("slowUntil")), parked(api, closed)]
    api.good("POST", f"/v1/receivers/{closed}/resume")
    for id in others:
        api.wait_attempts(id, 1)
    before = {path: len(sink.got(path)) for path in ("/open", "/slow")}
    server.restart(kill9=kill9)
    view = api.show(opened)
    assert view["breaker"] == was[0]["breaker"] and view["breaker"]["failures"] == 2
    assert api.show(slowed)["slowUntil"] == was[1]["slowUntil"]
    assert api.show(closed)["breaker"] == {"open": False, "failures": 0} and api.metrics()["tidings_notify_receivers_parked"] == 1
    sink.on("/closed", ok())
    api.wait(api.submit(closed), "delivered")
    assert {path: len(sink.got(path)) for path in before} == before
    sink.on("/open", ok())
    api.good("POST", f"/v1/receivers/{opened}/resume")
    for id in (waits[0], waits[2]):
        api.wait(id, "delivered")
    server.restart(kill9=kill9)
    assert api.show(opened)["breaker"] == {"open": False, "failures": 0}


def test_a_probe_is_made_at_its_time_after_a_restart(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    sink.on("/probe", status(500), status(500), ok())
    name = api.receiver(sink.url("/probe"), ladder="10ms*", inFlight=1, breaker={"failures": 2, "probeMs": 8000, "probeMaxMs": 8000})
    id = api.submit(name)
    at_ms = parked(api, name)["breaker"]["nextProbeAt"]
    server.restart(kill9=True)
    api.wait(id, "delivered")
    assert sink.got("/probe")[2].wall_ms >= at_ms
    assert api.show(name)["breaker"]["open"] is False
