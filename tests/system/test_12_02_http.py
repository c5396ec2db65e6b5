# SPDX-License-Identifier: Apache-2.0
"""HTTP: /healthz, /readyz, and /metrics in the text format of Prometheus."""
import contextlib
import http.client
import re
import socket

import codec
import pytest

pytestmark = pytest.mark.ours


def get(server, path, method="GET"):
    connection = http.client.HTTPConnection(server.http, timeout=60)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, body


def metrics(server):
    """name{labels} → value, after checking every line."""
    status, headers, body = get(server, "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain")
    values, typed = {}, set()
    for line in body.splitlines():
        if line.startswith("#"):
            kind, name = re.fullmatch(r"# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) .+", line).groups()
            if kind == "TYPE":
                typed.add(name)
            continue
        name, labels, value = re.fullmatch(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)", line).groups()
        assert name in typed or re.sub("_(bucket|sum|count)$", "", name) in typed, line
        assert name + (labels or "") not in values
        values[name + (labels or "")] = float(value)
    assert body.endswith("\n")
    return values


def test_health(server):
    assert get(server, "/healthz")[0] == 200
    assert get(server, "/readyz")[0] == 200


def test_metrics_count(server, client, topic, group):
    before = metrics(server)
    for _ in range(7):
        client.sent(topic)
    client.read(topic, count=7)
    client.send("no such name!")
    client.send_back(client.next(topic), group, level=-1)
    after = metrics(server)
    grown = {name: after[name] - before[name] for name in after}
    assert grown["tidings_messages_in_total"] >= 7
    assert grown["tidings_messages_out_total"] >= 7
    assert grown["tidings_sends_refused_total"] == 1
    assert grown["tidings_send_backs_total"] == 1
    assert grown["tidings_dead_letters_total"] == 1
    assert grown["tidings_requests_total"] >= 10
    assert after["tidings_connections"] >= 1


def test_waiting_and_held_are_seen(server, client, topic):
    client.made_topic(topic)
    before = metrics(server)
    client.sent(topic, props={"TIMER_DELAY_SEC": "3600"})
    held = client.begin_pull(topic)
    assert client.max_offset(topic) == 0
    after = metrics(server)
    assert after["tidings_delayed_messages"] - before["tidings_delayed_messages"] == 1
    assert after["tidings_pulls_held"] - before["tidings_pulls_held"] == 1
    client.sent(topic)
    client.finish(held)


@pytest.mark.parametrize("path", ["/", "/nothing", "/metrics/x", "/healthz/../metrics", "//", "/%00", "/" + "a" * 5000])
def test_unknown_paths(server, path):
    assert get(server, path)[0] in (400, 404, 414)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "BREW"])
def test_other_methods(server, method):
    assert get(server, "/healthz", method)[0] in (400, 404, 405, 501)


def test_head(server):
    status, _, body = get(server, "/healthz", "HEAD")
    assert status in (200, 405) and body == ""


def test_noise_on_the_http_port(server, client):
    host, port = server.http.rsplit(":", 1)
    for noise in (b"\x00" * 1000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"X" * 100_000,
                  codec.encode(client.frame(codec.HEARTBEAT, {}, b"{}"))):
        with socket.create_connection((host, int(port)), timeout=60) as bad, contextlib.suppress(ConnectionError):
            bad.sendall(noise)  # it may have had enough before the end
    half = [socket.create_connection((host, int(port)), timeout=60) for _ in range(100)]
    for one in half:
        one.sendall(b"GET /metrics HT")
    assert get(server, "/healthz")[0] == 200
    assert client.beat("somebody").code == codec.OK
    for one in half:
        one.close()
