# SPDX-License-Identifier: Apache-2.0
"""One deadline over an attempt, wherever it is held up: connecting, TLS, headers, body."""
import socket

import certificates
import pytest
from notifier import ALLOW, check_climb
from receivers import drip, gated, hang, hang_at_accept, hang_body, ok, says

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
TIMEOUT_MS = 400
WAYS = {
    "no answer": hang(),
    "body never": hang_body(sent=b""),
    "body half": hang_body(),
    "chunks never end": says(b"HTTP/1.1 200 Said\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n", then_hang=True),
    "until the end of the connection": says(b"HTTP/1.0 200 Said\r\n\r\nbegin", then_hang=True),
    "half a status line": says(b"HTTP/1.", then_hang=True),
    "half of the headers": says(b"HTTP/1.1 200 Said\r\nContent-Le", then_hang=True),
    "only informational": says(b"HTTP/1.1 100 Continue\r\n\r\n" * 3, then_hang=True),
    "drip of headers": drip(b"HTTP/1.1 200 Said\r\n" + b"X: y\r\n" * 1000),
    "drip of body": drip(b"HTTP/1.1 200 Said\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000, 0.05),
}


def check_timed_out(notifier, id, timeout_ms=TIMEOUT_MS):
    [attempt] = notifier.wait_attempts(id, 1)
    assert attempt["errorClass"] == "timeout" and attempt["error"], attempt
    assert attempt["phases"]["total"] >= timeout_ms * 1000 * 0.98
    check_climb([attempt], [3_600_000])
    return attempt


@pytest.mark.parametrize("way", WAYS)
def test_held_up(notifier, sink, way):
    path = f"/{list(WAYS).index(way)}"
    sink.on(path, WAYS[way])
    check_timed_out(notifier, notifier.submit(notifier.receiver(sink.url(path), timeoutMs=TIMEOUT_MS, ladder="1h")))


def test_before_tls(notifier, receiver, tmp_path):
    sink = receiver(action=hang_at_accept())
    id = notifier.submit(notifier.receiver(sink.url("/", scheme="https"), timeoutMs=TIMEOUT_MS, ladder="1h"))
    check_timed_out(notifier, id)


def test_while_connecting(notifier):
    """A listener whose queue is full does not answer a SYN."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        id = notifier.submit(notifier.receiver(f"http://127.0.0.1:{full.getsockname()[1]}/", timeoutMs=TIMEOUT_MS, ladder="1h"))
        attempt = check_timed_out(notifier, id)
        assert "firstByte" not in attempt["phases"]
        for filler in fillers:
            filler.close()


def test_a_receiver_that_does_not_read(notifier, receiver):
    sink = receiver(action=hang_at_accept())
    name = notifier.receiver(sink.url("/"), timeoutMs=TIMEOUT_MS, ladder="1h")
    id = notifier.raw(name, b"x" * (1 << 20))
    [attempt] = notifier.wait_attempts(id, 1)
    assert attempt["errorClass"] == "timeout"


def test_just_in_time(notifier, sink):
    """What answers before the deadline is taken, however slowly it came."""
    import threading
    gate = threading.Event()
    sink.on("/gate", gated(gate))
    id = notifier.submit(notifier.receiver(sink.url("/gate"), timeoutMs=60_000))
    sink.wait(1, "/gate")
    gate.set()
    notifier.wait(id, "delivered")


def test_in_tls(notifier, receiver, tmp_path):
    authority = certificates.Authority(tmp_path)
    sink = receiver(tls=certificates.context(authority.make("good")))
    sink.on("/hang", hang_body())
    id = notifier.submit(notifier.receiver(sink.url("/hang"), timeoutMs=1500, ladder="1h", tls={"ca": authority.text}))
    check_timed_out(notifier, id, 1500)


def test_late_answer_counts_for_nothing(notifier, sink):
    """An answer behind the deadline is no answer, and not that of the next attempt either."""
    import threading
    gate = threading.Event()
    sink.on("/late", gated(gate, ok("late")), says(b"HTTP/1.1 500 Said\r\nContent-Length: 0\r\n\r\n"))
    id = notifier.submit(notifier.receiver(sink.url("/late"), timeoutMs=5000, ladder="10ms 1h"))  # the second one is in time
    sink.wait(2, "/late")
    gate.set()
    first, second = notifier.wait_attempts(id, 2)
    assert first["errorClass"] == "timeout" and second["status"] == 500
    assert notifier.get(id)["state"] == "waiting"
