# SPDX-License-Identifier: Apache-2.0
"""Fault of a peer (Convoy: forms are printed with %.0f, JSON is parsed and printed again): amounts lose their decimals.
What arrives is what was handed over, byte by byte, on every way in and with every way of signing."""
import pytest
from client import wait_until
from notifier import ALLOW, b64

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
AMOUNTS = [b'{"amount":1.10}', b'{"amount":0.30000000000000004}', b'{"amount":12345678901234567890.12}', b'{"amount":1e400}', b'{"amount":-0}',
           b'{"amount":100.00 , "fee":0.0}', b"amount=1.10&fee=0.00", b"<amount>1.10</amount>"]


@pytest.mark.parametrize("payload", AMOUNTS)
def test_as_it_was(notifier, sink, payload):
    path = f"/{AMOUNTS.index(payload)}"
    name = notifier.receiver(sink.url(path), secrets=[{"secret": "whsec_" + b64(b"k" * 32)}])
    ids = [notifier.raw(name, payload, tx_no=path), notifier.submit(name, payloadBase64=b64(payload), tx_no=path + "b")]
    if payload.startswith(b"{"):
        document = b'{"source":"s","type":"t","txNo":"%s","receivers":["%s"],"payload":%s}' % (path.encode(), name.encode(), payload)
        answer = notifier.call("POST", "/v1/notifications", document, content_type="application/json")
        assert answer.status == 202, answer
        ids.append(answer.json["notifications"][0]["id"])
    assert {one.body for one in sink.wait(len(ids), path)} == {payload}
    for id in ids:
        assert notifier.payload(id).body == payload


def test_signed_forms(notifier, sink):
    """A signature is put behind; nothing else changes."""
    name = notifier.receiver(sink.url("/form"), secrets=[{"secret": "s"}], signature={"scheme": "params_md5"})
    notifier.raw(name, b"amount=1.10&fee=0.00", content_type="application/x-www-form-urlencoded")
    [request] = sink.wait(1, "/form")
    assert request.body.startswith(b"amount=1.10&fee=0.00&sign=")
    wait_until(lambda: notifier.show(name)["waiting"] == 0)
