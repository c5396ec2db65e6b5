# SPDX-License-Identifier: Apache-2.0
"""Standard Webhooks: v1 and v1a signatures over id, time of the attempt and the exact bytes."""
import base64

import pytest
import signatures
from notifier import ALLOW
from receivers import ok, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


@pytest.mark.parametrize("size", [24, 32, 64])
def test_v1(notifier, sink, size):
    secret = "whsec_" + base64.b64encode(bytes(range(size))).decode()
    path = f"/v1-{size}"
    notifier.raw(notifier.receiver(sink.url(path), secrets=[{"secret": secret}]), bytes(range(256)))
    [request] = sink.wait(1, path)
    assert signatures.signatures(request) == [signatures.v1(request, secret)]


def test_each_attempt_is_signed_anew(notifier, sink):
    sink.on("/anew", status(500), ok())
    secret = signatures.secret()
    notifier.submit(notifier.receiver(sink.url("/anew"), secrets=[{"secret": secret}], ladder="1100ms"))
    first, second = sink.wait(2, "/anew")
    assert first.id == second.id
    assert int(second.header("webhook-timestamp")) > int(first.header("webhook-timestamp"))
    for request in (first, second):
        assert signatures.signatures(request) == [signatures.v1(request, secret)]


def test_v1a(notifier, sink):
    secret, public = signatures.ed25519_pair()
    notifier.raw(notifier.receiver(sink.url("/v1a"), secrets=[{"secret": secret}]), b"\x00\xff exactly")
    [request] = sink.wait(1, "/v1a")
    assert [version for version, _ in signatures.signatures(request)] == ["v1a"]
    assert signatures.is_v1a(request, public)
    request.body += b"x"
    assert not signatures.is_v1a(request, public)


def test_both(notifier, sink):
    secret, (private, public) = signatures.secret(), signatures.ed25519_pair()
    notifier.submit(notifier.receiver(sink.url("/both"), secrets=[{"secret": secret}, {"secret": private}]))
    [request] = sink.wait(1, "/both")
    assert signatures.v1(request, secret) in signatures.signatures(request) and signatures.is_v1a(request, public)


def test_without_a_secret(notifier, sink):
    notifier.submit(notifier.receiver(sink.url("/none")))
    [request] = sink.wait(1, "/none")
    assert request.header("webhook-signature") is None and request.id


def test_soap_is_signed_as_sent(notifier, sink):
    """What is signed is the envelope, which is what the receiver has."""
    secret = signatures.secret()
    notifier.raw(notifier.receiver(sink.url("/soap"), secrets=[{"secret": secret}], soap={"version": "1.1", "action": "a"}), b"<a/>")
    [request] = sink.wait(1, "/soap")
    assert b"Envelope" in request.body and signatures.signatures(request) == [signatures.v1(request, secret)]


def test_a_test_send_is_signed(notifier, sink):
    secret = signatures.secret()
    name = notifier.receiver(sink.url("/test"), secrets=[{"secret": secret}])
    notifier.good("POST", f"/v1/receivers/{name}/test", b"try", content_type="text/plain")
    [request] = sink.wait(1, "/test")
    assert request.body == b"try" and signatures.signatures(request) == [signatures.v1(request, secret)]


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!!", "whsec_AAAA", "plain", 7, "whsec_" + "A" * 200, "whsk_AAAA", "whpk_" + "A" * 43 + "="])
def test_wrong_secrets(notifier, secret):
    problem = notifier.invalid("PUT", "/v1/receivers/wrong", {"url": "http://127.0.0.1:9/", "secrets": [{"secret": secret}]}, field="secret")
    if isinstance(secret, str) and len(secret) > 6:
        assert secret not in str(problem)
