# SPDX-License-Identifier: Apache-2.0
"""A receiver that hangs, errs or floods costs only its own share."""
import threading

import pytest
from notifier import ALLOW
from receivers import big, gated, hang, hang_at_accept, hang_body, reset, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
BAD = {"hang": hang(), "hang body": hang_body(), "reset": reset(), "500": status(500), "large": big(4 << 20)}


def batch(notifier, name, count, **more):
    items = [{"source": "s", "type": "t", "txNo": f"{name} {number}", "receivers": [name], "payload": number, **more} for number in range(count)]
    answer = notifier.call("POST", "/v1/notifications", {"notifications": items})
    assert answer.status == 202, answer
    return [one["notifications"][0]["id"] for one in answer.json["results"]]


@pytest.mark.parametrize("kind", BAD)
def test_one_bad_and_one_healthy(notifier, sink, receiver, kind):
    """A full batch for the bad one first; the healthy one's all arrive while those still wait."""
    bad = receiver(action=BAD[kind])
    bad_name = notifier.receiver(bad.url("/"), ladder="10ms 1h", timeoutMs=300_000 if "hang" in kind else 15_000)
    healthy = notifier.receiver(sink.url(f"/{kind.replace(' ', '-')}"), timeoutMs=120_000)
    batch(notifier, bad_name, 500)
    bad.wait(1)
    ids = batch(notifier, healthy, 500)
    sink.wait(500, f"/{kind.replace(' ', '-')}")
    for id in ids[::50]:
        assert notifier.wait(id, "delivered")["attempts"] == 1
    if "hang" in kind:
        view = notifier.show(bad_name)
        assert view["inFlight"] <= 64 and view["waiting"] == 500
        assert len(bad.got()) <= 64


def test_twenty_that_hang(notifier, sink, receiver):
    """Together they hold hundreds of attempts; one healthy receiver has its place all the same."""
    bad = receiver(action=hang())
    for number in range(20):
        name = notifier.receiver(bad.url(f"/{number}"), timeoutMs=300_000)
        batch(notifier, name, 100)
    bad.wait(200, within_s=120)
    ids = batch(notifier, notifier.receiver(sink.url("/beside")), 200)
    sink.wait(200, "/beside")
    notifier.wait(ids[-1], "delivered")


def test_tls_that_never_begins(notifier, sink, receiver):
    bad = receiver(action=hang_at_accept())
    batch(notifier, notifier.receiver(bad.url("/", scheme="https"), timeoutMs=300_000), 200)
    bad.wait_connections(1)
    batch(notifier, notifier.receiver(sink.url("/tls")), 200)
    sink.wait(200, "/tls")


def test_names_that_do_not_resolve(notifier, sink):
    for number in range(8):
        batch(notifier, notifier.receiver(f"http://no-such-{number}.invalid/", ladder="10ms 1h"), 50)
    batch(notifier, notifier.receiver(sink.url("/dns")), 200)
    sink.wait(200, "/dns")


@pytest.mark.parametrize("in_flight", [1, 5])
def test_in_flight(notifier, sink, in_flight):
    """No more at a time than its settings say."""
    gate, lock, now, most = threading.Event(), threading.Lock(), [0], [0]
    path = f"/flight{in_flight}"

    def counted(call, request):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        gate.wait(120)
        with lock:
            now[0] -= 1
        return status(200)(call, request)
    sink.on(path, counted)
    name = notifier.receiver(sink.url(path), inFlight=in_flight, timeoutMs=120_000)
    batch(notifier, name, 40)
    sink.wait(in_flight, path)
    assert notifier.wait_receiver(name, lambda view: view["inFlight"] == in_flight)["waiting"] == 40
    gate.set()
    sink.wait(40, path)
    notifier.wait_receiver(name, lambda view: view["waiting"] == 0)
    assert most[0] <= in_flight


def test_the_same_host(notifier, sink):
    """Two receivers at one host and port: the one that hangs does not take the other's connections."""
    gate = threading.Event()
    sink.on("/hangs", gated(gate))
    batch(notifier, notifier.receiver(sink.url("/hangs"), inFlight=300, timeoutMs=300_000), 300)
    sink.wait(100, "/hangs")
    batch(notifier, notifier.receiver(sink.url("/next-door")), 100)
    sink.wait(100, "/next-door")
    gate.set()


def test_the_api_answers_meanwhile(notifier, sink, receiver):
    bad = receiver(action=hang())
    name = notifier.receiver(bad.url("/"), timeoutMs=300_000, inFlight=512)
    batch(notifier, name, 1000)
    bad.wait(100, within_s=120)
    assert notifier.show(name)["waiting"] == 1000
    assert len(notifier.list(receiver=name)) == 1000
