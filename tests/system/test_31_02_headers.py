# SPDX-License-Identifier: Apache-2.0
"""Header fields: what the receiver's settings and the submission add, what is passed on, what nobody may set."""
import pytest
from notifier import ALLOW
from receivers import ok, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_added(notifier, sink):
    name = notifier.receiver(sink.url("/a"), headers={"X-Tenant": "7", "Authorization": "Token abc"})
    notifier.submit(name, headers={"X-Shop": "Köln", "x-empty": ""})
    [request] = sink.wait(1, "/a")
    assert request.header("x-tenant") == "7" and request.header("authorization") == "Token abc"
    assert request.header("x-shop").encode("latin-1").decode() == "Köln" and request.header("x-empty") in ("", None)


def test_trace_context(notifier, sink):
    sink.on("/b", status(500), ok())
    name = notifier.receiver(sink.url("/b"), ladder="10ms")
    answer = notifier.call("POST", "/v1/notifications", {
        "source": "pay", "type": "t", "txNo": "trace", "receivers": [name], "payload": 1},
        headers={"traceparent": TRACE, "tracestate": "vendor=1,other=2"})
    assert answer.status == 202
    for request in sink.wait(2, "/b"):
        assert request.header("traceparent") == TRACE and request.header("tracestate") == "vendor=1,other=2"


def test_without_a_trace(notifier, sink):
    notifier.submit(notifier.receiver(sink.url("/c")))
    [request] = sink.wait(1, "/c")
    assert request.header("traceparent") is None


def test_a_trace_with_every_kind(notifier, sink):
    name = notifier.receiver(sink.url("/d"))
    for kind, headers in {"application/cloudevents+json": {}, "text/plain": {"Tidings-Tx-No": "x", "Tidings-Source": "s", "Tidings-Type": "t"}}.items():
        body = b'{"specversion":"1.0","id":"1","source":"s","type":"t"}'
        answer = notifier.call("POST", "/v1/notifications", body, content_type=kind,
                               headers={"Tidings-Receivers": name, "traceparent": TRACE, **headers})
        assert answer.status == 202, answer
    assert [one.header("traceparent") for one in sink.wait(2, "/d")] == [TRACE] * 2


@pytest.mark.parametrize("field", ["Host", "Content-Length", "Content-Type", "Connection", "Transfer-Encoding", "webhook-id",
                                   "Webhook-Signature", "tidings-attempt", "Tidings-Anything", "a b", "", "x:y", "é"])
def test_not_for_settings(notifier, field):
    notifier.invalid("PUT", "/v1/receivers/wrong", {"url": "http://127.0.0.1:9/", "headers": {field: "x"}}, field="headers")


@pytest.mark.parametrize("value", ["a\r\nX-Other: b", "a\nb", "nul\x00", "x" * 9000, 7, None])
def test_values(notifier, value):
    notifier.invalid("PUT", "/v1/receivers/wrong", {"url": "http://127.0.0.1:9/", "headers": {"X-A": value}}, field=None if value == "nul\x00" else "headers")


def test_most(notifier, sink):
    headers = {f"X-H{number}": str(number) for number in range(32)}
    name = notifier.receiver(sink.url("/e"), headers=headers)
    notifier.submit(name)
    [request] = sink.wait(1, "/e")
    assert {key: request.header(key) for key in headers} == headers
    notifier.invalid("PUT", "/v1/receivers/wrong", {"url": "http://127.0.0.1:9/", "headers": {**headers, "X-More": "x"}},
                     field="headers")
