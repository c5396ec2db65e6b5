# SPDX-License-Identifier: Apache-2.0
"""`tidings listen --scheme` judges what the server really delivers, by every scheme, and says what would be right."""
import contextlib
import json
import re
import subprocess

import pytest
import signatures
from listener import Listener
from notifier import ALLOW, b64
from server import PROGRAM

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
FORM, JSON, XML = "application/x-www-form-urlencoded", "application/json", "text/xml"
BODIES = {FORM: b"b=2&memo=%E9%87%91+a%26b&a=1&empty=", JSON: b'{"b":2, "a":"1"}', XML: b"<xml><b>2</b><a>1</a></xml>"}
HEADERS = ("--signature-header", "X-Sig", "--signature-prefix", "sha256=")


@contextlib.contextmanager
def told(notifier, settings, *flags):
    """A receiver that is a `tidings listen`; its name, and the listener."""
    with Listener(*flags) as listener:
        name = notifier.receiver(f"http://127.0.0.1:{listener.port}/", ladder="1h", breaker={"failures": 0}, **settings)
        yield name, listener


def heard(notifier, name, listener, body=BODIES[FORM], content_type=FORM):
    notifier.raw(name, body, content_type=content_type)
    return listener.heard()


def settings_of(scheme, secret):
    signature = {"scheme": scheme}
    if scheme == "hmac_hex":
        signature |= {"header": "X-Sig", "prefix": "sha256="}
    return {"signature": signature, "secrets": [{"secret": secret}]}


@pytest.mark.parametrize("scheme", ["hmac_hex", "params_md5", "params_hmac"])
@pytest.mark.parametrize("content_type", BODIES)
def test_good_and_bad(notifier, scheme, content_type):
    more = HEADERS if scheme == "hmac_hex" else ()
    with told(notifier, settings_of(scheme, "the secret"), "--scheme", scheme, "--secret", "the secret", *more) as (name, listener):
        row = heard(notifier, name, listener, BODIES[content_type], content_type)
        assert (row["signature"], row["status"], row["right"], row["why"]) == ("good", 200, None, "")
        sent = row["body"].encode()
    with told(notifier, settings_of(scheme, "the secret"), "--scheme", scheme, "--secret", "another one", *more) as (name, listener):
        row = heard(notifier, name, listener, BODIES[content_type], content_type)
        assert (row["signature"], row["status"]) == ("bad", 401) and row["why"]
        if scheme == "hmac_hex":
            assert re.fullmatch("X-Sig: sha256=[0-9a-f]{64}", row["right"])
        else:
            params = {FORM: signatures.form_params, JSON: signatures.json_params, XML: signatures.xml_params}[content_type](sent)
            make = {"params_md5": signatures.params_md5, "params_hmac": signatures.params_hmac}[scheme]
            assert row["right"] == f"sign={make(params, 'another one')} over {signatures.signed_params(params)}"


def test_rsa2(notifier, tmp_path):
    for n in ("one", "two"):
        (tmp_path / n).mkdir()
    private, public = signatures.rsa_pair(tmp_path / "one")
    _, other = signatures.rsa_pair(tmp_path / "two")
    for key, verdict in ((public, "good"), (other, "bad")):
        with told(notifier, settings_of("rsa2", private), "--scheme", "rsa2", "--public-key", key) as (name, listener):
            row = heard(notifier, name, listener)
            assert row["signature"] == verdict, row
            assert row["right"] == (None if verdict == "good" else "a signature over a=1&b=2&memo=\u91d1 a&b")
    with told(notifier, settings_of("rsa2", private), "--scheme", "rsa2", "--public-key", other, "--public-key", public) as (name, listener):
        assert heard(notifier, name, listener)["signature"] == "good"


def test_the_standard_one_says_what_is_right(notifier):
    secret, other = signatures.secret(), signatures.secret()
    with told(notifier, {"secrets": [{"secret": secret}]}, "--secret", other) as (name, listener):
        row = heard(notifier, name, listener)
        assert row["signature"] == "bad" and re.fullmatch(r"webhook-signature: v1,[A-Za-z0-9+/]{43}=", row["right"])


def test_rotation_with_a_second_header(notifier):
    """Who knows the new secret only is right from the rotation on, when he looks at both headers."""
    settings = settings_of("hmac_hex", "old")
    settings["signature"]["secondHeader"] = "X-Sig-2"
    with told(notifier, settings, "--scheme", "hmac_hex", *HEADERS, "--second-header", "X-Sig-2", "--secret", "new") as (name, listener):
        assert heard(notifier, name, listener)["signature"] == "bad"
        notifier.good("POST", f"/v1/receivers/{name}/secrets", {"secret": "new"})
        assert heard(notifier, name, listener)["signature"] == "good"


def test_unsigned(notifier):
    with told(notifier, {}, "--scheme", "hmac_hex", "--secret", "x") as (name, listener):
        row = heard(notifier, name, listener)
        assert (row["signature"], row["status"]) == ("unsigned", 401) and row["right"].startswith("X-Signature: ")
    with told(notifier, {}, "--scheme", "params_md5", "--secret", "x") as (name, listener):
        row = heard(notifier, name, listener)
        assert row["status"] == 401 and '"sign" is missing' in row["why"] and row["right"].startswith("sign=")


def test_what_is_right_is_not_told_to_the_sender():
    """Whoever is told could sign."""
    with Listener("--scheme", "params_md5", "--secret", "x") as listener:
        status, _, body = listener.post(body=b"a=1&sign=" + b"0" * 32, Content_Type=FORM)
        right = re.match("sign=([0-9A-F]{32}) over a=1$", listener.heard()["right"])[1]
        assert status == 401 and right.encode() not in body


@pytest.mark.parametrize("body, content_type", [
    (b"a=%zz&sign=0", FORM), (b"{", JSON), (b'{"a":[1]}', JSON), (b"<a", XML), (b"", "text/plain"), (b64(bytes(3000)).encode(), "image/png"),
    (b"&".join(b"a%d=1" % n for n in range(300)), FORM), (b"a=" + b"x" * 100_000, FORM)])
def test_bodies_that_cannot_be_signed(body, content_type):
    with Listener("--scheme", "params_hmac", "--secret", "x") as listener:
        assert listener.post(body=body, Content_Type=content_type)[0] == 401
        assert listener.heard()["why"]
        assert listener.end() == 0


def test_a_long_text_is_cut():
    """Between two characters, wherever the room ends."""
    with Listener("--scheme", "params_hmac", "--secret", "x") as listener:
        for more in range(3):
            listener.post(body=b"sign=" + b"0" * 64 + b"&a=" + b"x" * more + "\u91d1".encode() * 1000, Content_Type=FORM)
            assert listener.heard()["right"].endswith("\u91d1")


def test_as_text():
    with Listener("--scheme", "params_md5", "--secret", "x", json_lines=False) as listener:
        listener.post(body=b"a=1\x1b[2J&sign=" + b"0" * 32, Content_Type=FORM)
        assert listener.end() == 0
        assert "signature: bad" in listener.text and "right would be sign=" in listener.text and "\x1b" not in listener.text


@pytest.mark.parametrize("flags, text", [
    (("--scheme", "md5", "--secret", "x"), "--scheme: "), (("--scheme", "none"), "nothing to compare"), (("--scheme", "hmac_hex"), "--secret"),
    (("--scheme", "rsa2"), "--public-key"), (("--scheme", "rsa2", "--secret", "x"), "--secret: "), (("--public-key", "/nowhere"), "--scheme rsa2"),
    (("--scheme", "rsa2", "--public-key", "/nowhere"), "/nowhere"), (("--signature-header", "X"), "--scheme hmac_hex"),
    (("--secret-file", "/nowhere"), "/nowhere")])
def test_usage(flags, text):
    done = subprocess.run([PROGRAM, "listen", *flags], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and text in done.stderr, done


def test_a_secret_in_a_file(notifier, tmp_path):
    file = tmp_path / "secret"
    file.write_text("the secret\n", encoding="ascii")
    with told(notifier, settings_of("hmac_hex", "the secret"), "--scheme", "hmac_hex", *HEADERS, "--secret-file", file) as (name, listener):
        row = heard(notifier, name, listener, b"any bytes", "text/plain")
        assert row["signature"] == "good" and "the secret" not in json.dumps(row)
