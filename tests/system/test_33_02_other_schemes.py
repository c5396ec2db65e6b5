# SPDX-License-Identifier: Apache-2.0
"""hmac_hex, params_md5, params_hmac, rsa2: as GitHub, WeChat Pay and Alipay sign; the accepted bytes stay what they are."""
import hashlib
import hmac
import json
import urllib.parse

import pytest
import signatures
from notifier import ALLOW, INVALID

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
FORM, JSON, XML = "application/x-www-form-urlencoded", "application/json", "text/xml"
BODIES = {
    FORM: b"total=1.10&empty=&memo=%E9%87%91+a%26b&a=1&B=2",
    JSON: b'{ "total":1.10, "empty":"", "memo":"\xe9\x87\x91 a&b", "a":1, "B":"2" }',
    XML: "<xml><total>1.10</total><empty></empty><memo><![CDATA[金 a&b]]></memo><a>1</a><B>2</B></xml>".encode(),
}
READ = {FORM: signatures.form_params, JSON: signatures.json_params, XML: signatures.xml_params}
WANTED = {"total": "1.10", "memo": "金 a&b", "a": "1", "B": "2"}


def deliver(notifier, sink, path, body, content_type, **settings):
    name = notifier.receiver(sink.url(path), **settings)
    id = notifier.raw(name, body, content_type=content_type)
    [request] = sink.wait(1, path)
    notifier.wait(id, "delivered")
    return request


@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_hmac_hex(notifier, sink, prefix):
    body = bytes(range(256))
    request = deliver(notifier, sink, f"/hex{len(prefix)}", body, "x/y", secrets=[{"secret": "any text"}],
                      signature={"scheme": "hmac_hex", "header": "X-Hub-Signature-256", "prefix": prefix})
    assert request.body == body
    assert request.header("x-hub-signature-256") == prefix + hmac.new(b"any text", body, hashlib.sha256).hexdigest()
    assert request.header("webhook-signature") is None


def test_hmac_hex_header_by_default(notifier, sink):
    request = deliver(notifier, sink, "/hex", b"x", "x/y", secrets=[{"secret": "s"}], signature={"scheme": "hmac_hex"})
    assert request.header("x-signature") == hmac.new(b"s", b"x", hashlib.sha256).hexdigest()


def check_inserted(request, body, content_type, extra):
    """The parameters stand behind the others; without them the bytes are those that were accepted."""
    read = READ[content_type]
    params = read(request.body)
    assert {name: value for name, value in params.items() if value and name not in extra} == WANTED
    assert set(params) - set(read(body)) == set(extra)
    tail = {FORM: b"", JSON: b"}", XML: b"</xml>"}[content_type]
    before = body.rstrip()[:len(body.rstrip()) - len(tail)].rstrip() if tail else body
    assert request.body.startswith(before)
    return params


@pytest.mark.parametrize("content_type", BODIES)
@pytest.mark.parametrize("scheme", ["params_md5", "params_hmac"])
def test_params(notifier, sink, content_type, scheme):
    body = BODIES[content_type]
    request = deliver(notifier, sink, f"/{scheme}{list(BODIES).index(content_type)}", body, content_type,
                      secrets=[{"secret": "192006250b4c09247ec02edce69f6a2d"}], signature={"scheme": scheme})
    params = check_inserted(request, body, content_type, ["sign"])
    made = getattr(signatures, scheme)(params, "192006250b4c09247ec02edce69f6a2d")
    assert params["sign"] == made


@pytest.mark.parametrize("content_type", BODIES)
def test_rsa2(notifier, sink, tmp_path, content_type):
    body = BODIES[content_type]
    private, public = signatures.rsa_pair(tmp_path)
    request = deliver(notifier, sink, f"/rsa{list(BODIES).index(content_type)}", body, content_type,
                      secrets=[{"secret": private}], signature={"scheme": "rsa2"})
    params = check_inserted(request, body, content_type, ["sign", "sign_type"])
    assert signatures.is_rsa2(params, public, tmp_path)
    params["total"] = "1.11"
    assert not signatures.is_rsa2(params, public, tmp_path)


def test_wechat_example(notifier, sink):
    """The example of WeChat Pay's own manual."""
    body = urllib.parse.urlencode({"appid": "wxd930ea5d5a258f4f", "mch_id": "10000100", "device_info": "1000", "body": "test",
                                   "nonce_str": "ibuaiVcKdpRxkhJA"}).encode()
    request = deliver(notifier, sink, "/wechat", body, FORM, secrets=[{"secret": "192006250b4c09247ec02edce69f6a2d"}],
                      signature={"scheme": "params_md5"})
    assert signatures.form_params(request.body)["sign"] == "9A0A8659F005D6984697E2CA0A9CF3B7"


@pytest.mark.parametrize("body,content_type", [
    (b"not json", JSON), (b"[1]", JSON), (b'{"a":{"b":1}}', JSON), (b'{"a":1,"a":2}', JSON), (b"<a><b><c/></b></a>", XML), (b"<a", XML),
    (b"a=1&a=2", FORM), (b"\xff\xfe", FORM), (b"", FORM), (b"binary", "application/octet-stream")])
def test_what_cannot_be_signed(notifier, sink, body, content_type):
    """An attempt is impossible: on record as that, never sent unsigned, and other notifications go on."""
    name = notifier.receiver(sink.url("/cannot"), name="cannot", secrets=[{"secret": "s"}], signature={"scheme": "params_md5"}, ladder="1h")
    before = len(sink.got("/cannot"))
    id = notifier.raw(name, body, content_type=content_type)
    [attempt] = notifier.wait_attempts(id, 1)
    assert attempt["errorClass"] == "impossible" and attempt["error"]
    assert len(sink.got("/cannot")) == before
    fine = notifier.raw(name, b"a=1", content_type=FORM)
    notifier.wait(fine, "delivered")


@pytest.mark.parametrize("signature,secret", [
    ({"scheme": "sha1"}, "s"), ({"scheme": "hmac_hex", "header": "a b"}, "s"), ({"scheme": "hmac_hex", "prefix": "x" * 33}, "s"),
    ({"scheme": "hmac_hex", "header": "Host"}, "s"), ({"scheme": "rsa2"}, "no PEM"), ({"scheme": "hmac_hex"}, ""), ({"scheme": "hmac_hex"}, "a\nb"),
    ({"scheme": "params_md5"}, "x" * 1025), ({"scheme": 7}, "s"), ({"scheme": "hmac_hex", "colour": "red"}, "s"), ("hmac_hex", "s")])
def test_wrong_settings(notifier, signature, secret):
    answer = notifier.call("PUT", "/v1/receivers/wrong", {"url": "http://127.0.0.1:9/", "signature": signature,
                                                          "secrets": [{"secret": secret}]})
    assert answer.status in INVALID, answer
    assert json.loads(answer.body)["detail"]
