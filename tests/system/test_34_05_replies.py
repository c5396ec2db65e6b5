# SPDX-License-Identifier: Apache-2.0
"""Replies: read up to a limit, kept short, and never a danger, whatever they are."""
import pytest
from notifier import ALLOW, Notifier
from receivers import answer, big, endless, half_body, header_bomb, ok, reset_after, says, status
from server import IS_SANITIZED

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
BROKEN = {
    "nothing at all": (b"", {"receive"}),
    "no HTTP": (b"hello\r\n\r\n", {"malformed"}),
    "SSH": (b"SSH-2.0-OpenSSH_9\r\n", {"malformed"}),
    "zeros": (b"\x00" * 1000, {"malformed"}),
    "no version": (b"HTTP/x 200 OK\r\n\r\n", {"malformed"}),
    "no status": (b"HTTP/1.1 OK\r\n\r\n", {"malformed"}),
    "status 0": (b"HTTP/1.1 000 OK\r\n\r\n", {"malformed"}),
    "status of four digits": (b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", {"malformed", "none"}),
    "version 9": (b"HTTP/9.9 200 OK\r\n\r\n", {"malformed"}),
    "negative length": (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", {"malformed"}),
    "length no number": (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", {"malformed"}),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", {"malformed", "none"}),
    "length too large for a number": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", {"malformed", "receive"}),
    "chunk size no number": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", {"malformed", "receive"}),
    "chunk size too large": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", {"malformed", "receive"}),
    "no colon": (b"HTTP/1.1 200 OK\r\nwhat\r\nContent-Length: 0\r\n\r\n", {"malformed", "none"}),
    "zero byte in a header": (b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n", {"malformed", "none"}),
    "half of a head": (b"HTTP/1.1 200 OK\r\nX", {"receive", "malformed"}),
    "compressed without being asked": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nxxxxx", {"none", "malformed"}),
    "unknown coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: strange\r\n\r\nx", {"malformed", "none"}),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken(notifier, sink, kind):
    data, classes = BROKEN[kind]
    path = f"/{list(BROKEN).index(kind)}"
    sink.on(path, says(data))
    id = notifier.submit(notifier.receiver(sink.url(path), ladder="1h", timeoutMs=60_000))
    [attempt] = notifier.wait_attempts(id, 1)
    assert attempt["errorClass"] in classes, attempt
    assert attempt["errorClass"] != "none" or 200 <= attempt["status"] < 300, attempt
    assert attempt["errorClass"] == "none" or attempt["error"]
    notifier.wait(notifier.submit(notifier.receiver(sink.url("/fine"))), "delivered")


@pytest.mark.parametrize("kind,action", [("half", half_body()), ("reset", reset_after(answer(200, b"x" * 100)[:-50])),
                                         ("reset in the head", reset_after(b"HTTP/1.1 200 OK\r\nX: y")),
                                         ("half a chunk", says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nx"))])
def test_not_whole(notifier, sink, kind, action):
    """A 200 whose body did not come whole is not taken: nobody knows what it would have said."""
    path = "/" + kind.replace(" ", "-")
    sink.on(path, action)
    id = notifier.submit(notifier.receiver(sink.url(path), ladder="1h"))
    [attempt] = notifier.wait_attempts(id, 1)
    assert attempt["errorClass"] in ("receive", "malformed") and notifier.get(id)["state"] == "waiting", attempt


def test_until_the_end_of_the_connection(notifier, sink):
    sink.on("/end", says(b"HTTP/1.0 200 Fine\r\n\r\nOK"))
    id = notifier.submit(notifier.receiver(sink.url("/end"), ack={"body": "OK"}))
    notifier.wait(id, "delivered")
    sink.on("/chunks", says(b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nO\r\n1;x=y\r\nK\r\n0\r\nTrailer: x\r\n\r\n"))
    notifier.wait(notifier.submit(notifier.receiver(sink.url("/chunks"), ack={"body": "OK"})), "delivered")


def test_a_gigabyte(own_server, sink):
    """It is cut off, and the server's memory does not notice."""
    server = own_server(ALLOW)
    api = Notifier(server)
    api.wait(api.submit(api.receiver(sink.url("/warm"))), "delivered")
    before_kb = server.resident_kb()
    actions = [big(1 << 30), endless(), big(1 << 30, code=500)]
    ids = []
    for number, action in enumerate(actions):
        sink.on(f"/big{number}", action)
        name = api.receiver(sink.url(f"/big{number}"), ladder="1h", timeoutMs=20_000, ack={"body": "OK"})
        ids += [api.submit(name) for _ in range(4)]
    for id in ids:
        [attempt] = api.wait_attempts(id, 1, within_s=120)
        assert len(attempt.get("reply", "")) <= 64 * 1024
        assert api.get(id)["state"] == "waiting"
    assert IS_SANITIZED or server.resident_kb() - before_kb < 64 * 1024
    assert all(action.sent < 200 << 20 for action in actions)


def test_a_long_reply_with_a_good_status(notifier, sink):
    """When only the status decides, a long body does no harm."""
    action = big(300_000)
    sink.on("/long", action)
    id = notifier.submit(notifier.receiver(sink.url("/long")))
    notifier.wait(id, "delivered")
    assert 0 < len(notifier.attempts(id)[0]["reply"]) <= 64 * 1024


def test_header_bomb(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    bomb = header_bomb()
    sink.on("/bomb", bomb)
    api.wait(api.submit(api.receiver(sink.url("/warm"))), "delivered")
    before_kb = server.resident_kb()
    name = api.receiver(sink.url("/bomb"), ladder="1h")
    for id in [api.submit(name) for _ in range(8)]:
        [attempt] = api.wait_attempts(id, 1)
        assert attempt["errorClass"] == "malformed", attempt
    assert IS_SANITIZED or server.resident_kb() - before_kb < 32 * 1024


def test_many_headers_that_still_fit(notifier, sink):
    sink.on("/many", status(200, fields=[(f"X-{number}", "y" * 100) for number in range(200)]))
    notifier.wait(notifier.submit(notifier.receiver(sink.url("/many"))), "delivered")


def test_an_answer_without_having_read(notifier, sink):
    """A receiver may answer before the whole body has come."""
    from receivers import early
    sink.on("/early", early("headers", says(answer(413, fields=[("Connection", "close")]))), ok())
    id = notifier.raw(notifier.receiver(sink.url("/early"), ladder="10ms"), b"x" * (1 << 20))
    notifier.wait(id, "delivered")
    first = notifier.attempts(id)[0]
    assert first.get("status") == 413 or first["errorClass"] in ("send", "receive")


def test_two_answers_at_once(notifier, sink):
    """What follows an answer on its connection is not the next one's answer."""
    sink.on("/two", says(answer(200, "one") + answer(200, "smuggled"), then_hang=True), status(500, "own"))
    name = notifier.receiver(sink.url("/two"), ladder="1h", inFlight=1)
    notifier.wait(notifier.submit(name), "delivered")
    second = notifier.submit(name)
    [attempt] = notifier.wait_attempts(second, 1)
    assert attempt.get("reply") != "smuggled" and notifier.get(second)["state"] == "waiting"
