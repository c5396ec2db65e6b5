# SPDX-License-Identifier: Apache-2.0
"""Ways to hand a notification over; its payload is kept and shown byte by byte."""
import hashlib
import re

import pytest
from notifier import ALLOW, b64, now_ms

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
# Things that a parse and a print would change: white space, order, digits, escapes, doubled names.
EXACT = b'{ "z":1.10,\n\t"a" : 0.1000000000000000055511151231257827,"big":12345678901234567890123,"e":1E2, "u":"\\u00e9\xc3\xa9" ,"z2":[ ] }'


@pytest.fixture
def paused(notifier):
    name = notifier.receiver("http://127.0.0.1:9/")
    notifier.good("POST", f"/v1/receivers/{name}/pause")
    return name


def envelope(receiver, payload, tx_no="t1"):
    return (b'{"source":"pay","type":"recharge.done","txNo":"%s","receivers":["%s"],"payload":%s}'
            % (tx_no.encode(), receiver.encode(), payload))


def test_json_payload_is_kept_as_it_stands(notifier, paused):
    answer = notifier.call("POST", "/v1/notifications", envelope(paused, EXACT), content_type="application/json")
    assert answer.status == 202
    [accepted] = answer.json["notifications"]
    assert accepted["receiver"] == paused and accepted["duplicate"] is False
    assert re.fullmatch(r"ntf_[0-9a-hjkmnp-tv-z]{13}", accepted["id"])
    kept = notifier.payload(accepted["id"])
    assert kept.body == EXACT and kept.header("Content-Type") == "application/json"


@pytest.mark.parametrize("payload", [b"1", b"-0.00", b"null", b'"text"', b"[]", b"{}", b"true", b'"a\\/b"'])
def test_any_json_value(notifier, paused, payload):
    body = envelope(paused, payload, f"any {payload.decode()}".replace('"', "'").replace("\\", "|"))
    answer = notifier.call("POST", "/v1/notifications", body, content_type="application/json")
    assert answer.status == 202, answer
    assert notifier.payload(answer.json["notifications"][0]["id"]).body == payload


def test_text_and_base64(notifier, paused):
    text = notifier.submit(paused, payloadText="金额 1.10\n")
    assert notifier.payload(text).body == "金额 1.10\n".encode()
    assert notifier.payload(text).header("Content-Type") == "text/plain; charset=utf-8"
    every = bytes(range(256))
    binary = notifier.submit(paused, payloadBase64=b64(every))
    assert notifier.payload(binary).body == every
    assert notifier.payload(binary).header("Content-Type") == "application/octet-stream"
    named = notifier.submit(paused, payloadText="<a/>", contentType="text/xml; charset=utf-8")
    assert notifier.payload(named).header("Content-Type") == "text/xml; charset=utf-8"


def test_raw(notifier, paused):
    every = bytes(range(256)) * 3
    id = notifier.raw(paused, every, content_type="application/x-anything")
    assert notifier.payload(id).body == every
    assert notifier.payload(id).header("Content-Type") == "application/x-anything"
    empty = notifier.raw(paused, b"", content_type="text/plain")
    assert notifier.payload(empty).body == b""


def test_raw_headers(notifier, paused):
    due_ms = now_ms() + 3600_000
    id = notifier.raw(paused, b"x", tx_no="raw 7", Tidings_Ladder="7m 8m", Tidings_Due=str(due_ms))
    found = notifier.get(id)
    assert (found["source"], found["type"], found["txNo"]) == ("pay", "recharge.done", "raw 7")
    assert found["dueAt"] == due_ms and found["ladder"] == "7m 8m"


def test_what_is_shown(notifier, paused):
    before_ms = now_ms()
    id = notifier.submit(paused, {"n": 1}, tx_no="shown", headers={"X-Shop": "7"}, ladder="5m 6m")
    found = notifier.get(id)
    payload = notifier.payload(id).body
    assert found["id"] == id and found["receiver"] == paused and found["state"] == "waiting"
    assert found["attempts"] == 0 and "firstAttemptAt" not in found and "finishedAt" not in found
    assert before_ms - 1000 <= found["acceptedAt"] <= now_ms() + 1000
    assert found["payloadSize"] == len(payload) and found["payloadHash"] == hashlib.sha256(payload).hexdigest()
    assert found["headers"] == {"X-Shop": "7"} and found["ladder"] == "5m 6m"
    assert notifier.attempts(id) == []


def test_not_there(notifier):
    for path in ("", "/payload", "/attempts"):
        notifier.refused(404, "GET", f"/v1/notifications/ntf_0000000000000{path}")
        assert notifier.call("GET", f"/v1/notifications/ntf_what{path}").status in (400, 404)


def test_202_is_durable(own_server):
    """Killed at the moment of the answer: what was answered is there."""
    from notifier import Notifier
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver("http://127.0.0.1:9/")
    api.good("POST", f"/v1/receivers/{name}/pause")
    kept = []
    for number in range(20):
        kept.append(api.submit(name, {"n": number}, tx_no=str(number)))
        if number % 5 == 4:
            server.restart(kill9=True)
    assert [one["id"] for one in api.list(receiver=name)] == kept
    assert api.show(name)["state"] == "paused"
