# SPDX-License-Identifier: Apache-2.0
"""What is too large, too many or malformed is refused with what is wrong, and nothing of it is kept."""
import itertools
import socket

import pytest
from notifier import ALLOW, b64, now_ms
from server import IS_SANITIZED

pytestmark = pytest.mark.ours
PAYLOAD_MAX = 100_000
FLAGS = (ALLOW, f"--payload-max={PAYLOAD_MAX}")


@pytest.fixture
def name(notifier):
    made = notifier.receiver("http://127.0.0.1:9/", name="limits")
    notifier.good("POST", f"/v1/receivers/{made}/pause")
    return made


def document(name, **more):
    return {"source": "pay", "type": "recharge.done", "txNo": "t", "receivers": [name], "payload": 1, **more}


def raw(notifier, name, payload, tx_no):
    return notifier.call("POST", "/v1/notifications", payload, content_type="text/plain", headers={
        "Tidings-Tx-No": tx_no, "Tidings-Source": "s", "Tidings-Type": "t", "Tidings-Receivers": name})


def test_payload(notifier, name):
    assert raw(notifier, name, b"x" * PAYLOAD_MAX, "most").status == 202
    assert raw(notifier, name, b"x" * (PAYLOAD_MAX + 1), "more").status == 413
    for more in ({"payloadText": "x" * (PAYLOAD_MAX + 1)}, {"payloadBase64": b64(b"x" * (PAYLOAD_MAX + 1))}):
        made = document(name, **more)
        del made["payload"]
        notifier.refused(413, "POST", "/v1/notifications", made)
    notifier.refused(413, "POST", "/v1/notifications", document(name, payload="x" * PAYLOAD_MAX))


def test_a_very_large_request(notifier, server):
    """It is not read to its end into memory."""
    before = server.resident_kb()
    with socket.create_connection(server.http.rsplit(":", 1), timeout=60) as sock:
        sock.sendall(b"POST /v1/notifications HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTidings-Tx-No: t\r\n"
                     b"Content-Length: 10000000000\r\n\r\n")
        sent = 0
        try:
            while sent < 200 << 20:
                sent += sock.send(b"x" * 65536)
        except OSError:
            pass  # it closed, which is as good
    assert IS_SANITIZED or server.resident_kb() < before + 64 * 1024
    notifier.good("GET", "/v1/whoami")


@pytest.mark.parametrize("member", ["source", "type", "txNo"])
def test_names(notifier, name, member):
    notifier.good("POST", "/v1/notifications", document(name, **{member: "x" * 255}))
    notifier.good("POST", "/v1/notifications", document(name, **{member: "单号 " + member}))
    for wrong in ("", "x" * 256, "é" * 128, 7, None, ["x"], "nul\x00", "line\nbreak"):
        notifier.invalid("POST", "/v1/notifications", document(name, **{member: wrong}), field=member)
    made = document(name)
    del made[member]
    notifier.invalid("POST", "/v1/notifications", made, field=member)


@pytest.mark.parametrize("more,field", [
    ({"colour": "red"}, "colour"), ({"receivers": []}, "receivers"), ({"receivers": "x"}, "receivers"),
    ({"receivers": [7]}, "receivers"), ({"receivers": None}, "receivers"), ({"ladder": "5x"}, "ladder"), ({"ladder": 7}, "ladder"),
    ({"ladder": "1s " * 65}, "ladder"), ({"ladder": "x" * 1024}, "ladder"), ({"dueAt": -1}, "dueAt"), ({"dueAt": "soon"}, "dueAt"),
    ({"dueAt": 1.5}, "dueAt"), ({"payloadText": "x"}, "payload"), ({"headers": []}, "headers"), ({"headers": {"a": 1}}, "headers"),
    ({"headers": {"a b": "x"}}, "a b"), ({"headers": {"x": "a\r\nb: c"}}, "x"), ({"headers": {"": "x"}}, "headers"),
    ({"headers": {"webhook-id": "x"}}, "webhook-id"), ({"headers": {"Tidings-Attempt": "1"}}, "Tidings-Attempt"),
    ({"headers": {"Host": "x"}}, "Host"), ({"headers": {"Content-Length": "1"}}, "Content-Length"),
    ({"headers": {"Transfer-Encoding": "chunked"}}, "Transfer-Encoding"), ({"headers": {"x": "y" * 9000}}, "x"),
    ({"contentType": "x" * 256}, "contentType"),
    ({"contentType": "a\r\nb: c"}, "contentType")])
def test_members(notifier, name, more, field):
    notifier.invalid("POST", "/v1/notifications", document(name, **more), field=field)


@pytest.mark.parametrize("text", ["%%%", "AAA", "AA==AA", "A A=", "====", "AAAA\n"])
def test_base64(notifier, name, text):
    made = document(name, payloadBase64=text)
    del made["payload"]
    notifier.invalid("POST", "/v1/notifications", made, field="payloadBase64")


def test_no_payload(notifier, name):
    made = document(name)
    del made["payload"]
    answer = notifier.call("POST", "/v1/notifications", made)
    assert answer.status in (202, 422), answer  # an empty one, or told so


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"7", b"null", b'"x"', b'{"source":"s"', b"\xff\xfe", b'{"source":"\xff","type":"t","txNo":"1"}',
    b"[" * 100_000, b'{"a":' * 50_000,
    b'{"source":"s","type":"t","txNo":"1","payload":NaN}', b'{"source":"s","type":"t","txNo":"1","payload":01}',
    b'{"source":"s","type":"t","txNo":"1","payload":1}x', b'\xef\xbb\xbf{}', b'{"source":"s\\u0000","type":"t","txNo":"1"}'], ids=itertools.count())
def test_broken_json(notifier, body):
    answer = notifier.call("POST", "/v1/notifications", body, content_type="application/json")
    assert answer.status in (400, 422), answer


def test_deep_payload(notifier, name):
    """A payload nested beyond reason is refused or kept, and nothing breaks."""
    body = b'{"source":"s","type":"t","txNo":"deep","receivers":["limits"],"payload":' + b"[" * 40_000 + b"]" * 40_000 + b"}"
    assert notifier.call("POST", "/v1/notifications", body, content_type="application/json").status in (202, 400, 422)
    notifier.good("GET", "/v1/whoami")


def test_content_types(notifier):
    for content_type in (None, "text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json/x"):
        answer = notifier.call("POST", "/v1/notifications", b"{}", content_type=content_type)
        assert answer.status in (400, 415, 422), answer


def test_raw_headers(notifier, name):
    good = {"Tidings-Tx-No": "raw", "Tidings-Source": "s", "Tidings-Type": "t", "Tidings-Receivers": name}
    for wrong in ({"Tidings-Tx-No": ""}, {"Tidings-Source": ""}, {"Tidings-Type": "x" * 256}, {"Tidings-Receivers": "nobody"},
                  {"Tidings-Receivers": ","}, {"Tidings-Ladder": "5x"}, {"Tidings-Due": "soon"}, {"Tidings-Due": "-1"},
                  {"Tidings-Due": "99999999999999999999"}):
        answer = notifier.call("POST", "/v1/notifications", b"x", content_type="text/plain", headers={**good, **wrong})
        assert answer.status in (400, 404, 422), (wrong, answer)
    for missing in ("Tidings-Source", "Tidings-Type"):
        fields = {key: value for key, value in good.items() if key != missing}
        answer = notifier.call("POST", "/v1/notifications", b"x", content_type="text/plain", headers=fields)
        assert answer.status in (400, 422), (missing, answer)
    answer = notifier.call("POST", "/v1/notifications", b"x", content_type="text/plain", headers={**good, "Tidings-Due": str(now_ms())})
    assert answer.status == 202


def test_many_headers(notifier, name):
    notifier.refused((400, 413, 422), "POST", "/v1/notifications", document(name, headers={f"x{n}": "y" * 1000 for n in range(20)}), field="headers")


@pytest.mark.parametrize("text", ["\\ud800", "\\udc00\\ud800", "a\\ud83d"])
def test_half_characters(notifier, name, text):
    """A surrogate alone is no character: refused, or replaced; what is shown stays UTF-8 that everybody can read."""
    body = b'{"source":"%s","type":"t","txNo":"half","receivers":["limits"],"payload":1}' % text.encode()
    answer = notifier.call("POST", "/v1/notifications", body, content_type="application/json")
    assert answer.status in (202, 400, 422), answer
    for row in notifier.list(receiver=name):
        row["source"].encode()


def test_nothing_of_it_is_kept(notifier, name):
    assert {one["txNo"] for one in notifier.list(receiver=name)} <= {
        "most", "t", "x" * 255, "单号 txNo", "deep", "raw", "half"}
