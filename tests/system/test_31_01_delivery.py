# SPDX-License-Identifier: Apache-2.0
"""The main path: accepted, sent as accepted, answered 2xx, on record."""
import re

import pytest
from notifier import ALLOW, check_climb
from receivers import hang, ok, reset, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def test_delivered(notifier, sink):
    name = notifier.receiver(sink.url("/paid?shop=7"))
    body = bytes(range(256)) + b'{"amount": 1.10}\r\n\r\n'
    id = notifier.raw(name, body, content_type="application/x-thing; v=1")
    [request] = sink.wait(1, "/paid")
    assert request.method == "POST" and request.target == "/paid?shop=7"
    assert request.body == body and request.header("content-length") == str(len(body))
    assert request.header("content-type") == "application/x-thing; v=1"
    assert request.id == id and request.attempt == 1
    assert request.header("host") == f"127.0.0.1:{sink.port}"
    assert request.header("accept-encoding") in (None, "identity")
    assert request.header("expect") is None and request.header("cookie") is None
    found = notifier.wait(id, "delivered")
    assert found["attempts"] == 1 and "dueAt" not in found and "reason" not in found
    assert found["acceptedAt"] <= found["firstAttemptAt"] <= found["finishedAt"]
    [attempt] = notifier.attempts(id)
    assert attempt["number"] == 1 and attempt["status"] == 200 and attempt["errorClass"] == "none"
    assert "nextDueAt" not in attempt and attempt["begunAt"] == found["firstAttemptAt"]
    assert found["lastAttempts"] == [attempt]


def test_the_same_id_and_bytes_each_time(notifier, sink):
    sink.on("/b", status(500, "not now"), reset(), status(404), status(302, fields=[("Location", sink.url("/trap"))]), ok("thanks"))
    name = notifier.receiver(sink.url("/b"), ladder="10ms 20ms 30ms 40ms 50ms")
    body = b"\x00exactly these\xff" * 1000
    id = notifier.raw(name, body)
    requests = sink.wait(5, "/b")
    assert {one.body for one in requests} == {body} and {one.id for one in requests} == {id}
    assert [one.attempt for one in requests] == [1, 2, 3, 4, 5]
    assert notifier.wait(id, "delivered")["attempts"] == 5
    attempts = notifier.attempts(id)
    assert [one.get("status") for one in attempts] == [500, None, 404, 302, 200]
    assert [one["errorClass"] for one in attempts] == ["http_5xx", "receive", "http_4xx", "http_3xx", "none"]
    assert [one.get("reply", "") for one in attempts] == ["not now", "", "", "", "thanks"]
    check_climb(attempts, [10, 20, 30, 40])
    assert sink.got("/trap") == []


@pytest.mark.parametrize("code", [200, 201, 202, 203, 204, 206, 226, 299])
def test_taken(notifier, sink, code):
    sink.on(f"/{code}", status(code))
    id = notifier.submit(notifier.receiver(sink.url(f"/{code}")))
    assert notifier.wait(id, "delivered")["attempts"] == 1
    assert notifier.attempts(id)[0]["status"] == code


@pytest.mark.parametrize("code", [300, 301, 304, 307, 308, 400, 401, 403, 404, 405, 408, 409, 418, 422, 499, 500, 501, 502, 504, 599, 600, 999])
def test_not_taken(notifier, sink, code):
    sink.on(f"/{code}", status(code), ok())
    id = notifier.submit(notifier.receiver(sink.url(f"/{code}"), ladder="10ms 1h"))
    sink.wait(2, f"/{code}")
    notifier.wait(id, "delivered")
    first = notifier.attempts(id)[0]
    assert first.get("status") == code or (code > 599 and first["errorClass"] == "malformed")


def test_an_informational_answer_is_not_the_answer(notifier, sink):
    def hints(call, request):
        call.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        return status(500)(call, request)
    sink.on("/hints", hints, ok())
    id = notifier.submit(notifier.receiver(sink.url("/hints"), ladder="10ms"))
    notifier.wait(id, "delivered")
    assert [one["status"] for one in notifier.attempts(id)] == [500, 200]


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 1024 * 1024])
def test_sizes(notifier, sink, size):
    name = notifier.receiver(sink.url(f"/{size}"))
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    id = notifier.raw(name, body)
    [request] = sink.wait(1, f"/{size}")
    assert request.body == body
    notifier.wait(id, "delivered")


def test_connections_are_kept(notifier, sink):
    name = notifier.receiver(sink.url("/keep"), inFlight=1)
    ids = [notifier.submit(name) for _ in range(50)]
    for id in ids:
        notifier.wait(id, "delivered")
    assert len({one.connection for one in sink.got("/keep")}) <= 10


def test_record_of_an_attempt(notifier, sink):
    sink.on("/record", status(503, "x" * 100_000), status(500, b"\xff\xfe broken \x00 text"), ok("é"))
    id = notifier.submit(notifier.receiver(sink.url("/record"), ladder="10ms 10ms 10ms"))
    notifier.wait(id, "delivered", within_s=120)
    first, second, third = notifier.attempts(id)
    assert 0 < len(first["reply"]) <= 64 * 1024 and set(first["reply"]) == {"x"}
    assert "broken" in second["reply"] and third["reply"] == "é"
    for attempt in (first, second, third):
        phases = attempt["phases"]
        assert all(value >= 0 for value in phases.values())
        assert phases["firstByte"] <= phases["total"] < 60_000_000
        if "connect" in phases:
            assert phases["connect"] <= phases["firstByte"]


def test_refused_connection_and_unknown_name(notifier):
    closed = notifier.submit(notifier.receiver("http://127.0.0.1:9/", ladder="1h"))
    unknown = notifier.submit(notifier.receiver("http://no-such-name.invalid/", ladder="1h"))
    [one], [two] = notifier.wait_attempts(closed, 1), notifier.wait_attempts(unknown, 1)
    assert one["errorClass"] == "connect" and two["errorClass"] == "dns"
    for attempt in (one, two):
        assert attempt["error"] and "status" not in attempt
    check_climb([one], [3_600_000])


def test_state_while_it_is_out(notifier, sink):
    sink.on("/out", hang())
    id = notifier.submit(notifier.receiver(sink.url("/out"), timeoutMs=300_000))
    sink.wait(1, "/out")
    found = notifier.get(id)
    assert found["state"] == "delivering" and found["attempts"] == 0
    assert re.fullmatch(r"ntf_\w{13}", found["id"])
