# SPDX-License-Identifier: Apache-2.0
"""Each attempt sends at most once: requests that arrive and attempts on record are the same number."""
import pytest
from notifier import ALLOW
from receivers import close, early, ok, reset, reset_at_headers, says

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def kept_then_dropped(call, request):
    """The first of a connection is answered; at the next one the connection ends without an answer."""
    seen = kept_then_dropped.seen
    seen[call.number] = seen.get(call.number, 0) + 1
    return ok()(call, request) if seen[call.number] == 1 else False


kept_then_dropped.seen = {}


@pytest.mark.parametrize("kind,action", [("close", close()), ("reset", reset()), ("reset at the headers", reset_at_headers()),
                                         ("half an answer", says(b"HTTP/1.1 200 OK\r\n")),
                                         ("close at the headers", early("headers", close()))])
def test_a_dropped_connection(notifier, sink, kind, action):
    path = "/" + kind.replace(" ", "-")
    sink.on(path, action)
    id = notifier.submit(notifier.receiver(sink.url(path), ladder="1h"))
    [attempt] = notifier.wait_attempts(id, 1)
    assert attempt["errorClass"] in ("receive", "send", "malformed")
    notifier.wait(notifier.submit(notifier.receiver(sink.url("/after"))), "delivered")
    assert len(sink.got(path)) == 1


def test_a_kept_connection_that_is_dropped(notifier, sink):
    """libraries like to send again by themselves there: an attempt that is not on record."""
    sink.on("/kept", kept_then_dropped)
    name = notifier.receiver(sink.url("/kept"), inFlight=1, ladder="20ms*")
    ids = [notifier.submit(name) for _ in range(20)]
    for id in ids:
        notifier.wait(id, "delivered")
    for id in ids:
        requests, attempts = sink.got("/kept", id), notifier.attempts(id)
        assert len(requests) <= len(attempts)  # a connection found closed may have kept one from arriving
        numbers = [one.attempt for one in requests]
        assert len(set(numbers)) == len(numbers) and set(numbers) <= {one["number"] for one in attempts}


def test_401_is_not_tried_again_at_once(notifier, sink):
    from receivers import status
    sink.on("/401", status(401, fields=[("WWW-Authenticate", 'Digest realm="x", nonce="y"')]))
    id = notifier.submit(notifier.receiver(sink.url("/401"), auth={"basic": "a:b"}, ladder="1h"))
    notifier.wait_attempts(id, 1)
    notifier.wait(notifier.submit(notifier.receiver(sink.url("/after"))), "delivered")
    assert len(sink.got("/401")) == 1


def test_refused_connections_are_not_tried_again_at_once(notifier, receiver):
    sink = receiver(action=early("accept", reset()))
    id = notifier.submit(notifier.receiver(sink.url("/"), ladder="1h"))
    notifier.wait_attempts(id, 1)
    other = receiver()
    notifier.wait(notifier.submit(notifier.receiver(other.url("/"))), "delivered")
    assert sink.connections == 1
