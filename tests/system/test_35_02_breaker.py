# SPDX-License-Identifier: Apache-2.0
"""The breaker: failures in a row park the receiver; one probe at a time finds out whether it is back."""
import pytest
from client import wait_until
from notifier import ALLOW, Notifier
from receivers import ok, reset, status

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
