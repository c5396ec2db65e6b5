# SPDX-License-Identifier: Apache-2.0
"""TLS to receivers: whom we trust, who we say we are; what does not verify gets nothing of the notification."""
import certificates
import pytest
from notifier import ALLOW, check_climb
from receivers import Receiver

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return certificates.Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def good(authority):
    return authority.make("good")


def refused(notifier, sink, **settings):
    """One attempt, ended at TLS, nothing of it arrived."""
    id = notifier.submit(notifier.receiver(sink.url("/tls"), ladder="1h", **settings))
    [attempt] = notifier.wait_attempts(id, 1)
    assert attempt["errorClass"] == "tls" and attempt["error"] and "status" not in attempt, attempt
    check_climb([attempt], [3_600_000])
    assert sink.got() == []


def test_own_authority(notifier, receiver, authority, good):
    sink = receiver(tls=certificates.context(good))
    id = notifier.submit(notifier.receiver(sink.url("/tls"), tls={"ca": authority.text}))
    sink.wait(1, "/tls")
    notifier.wait(id, "delivered")
    assert notifier.attempts(id)[0]["phases"]["tls"] > 0


def test_an_authority_that_nobody_named(notifier, receiver, good):
    refused(notifier, receiver(tls=certificates.context(good)))


def test_another_authority(notifier, receiver, good, tmp_path):
    refused(notifier, receiver(tls=certificates.context(good)), tls={"ca": certificates.Authority(tmp_path, "other").text})


def test_expired(notifier, receiver, authority):
    files = authority.make("expired", first_day=-3, last_day=-1)
    refused(notifier, receiver(tls=certificates.context(files)), tls={"ca": authority.text})


def test_not_yet(notifier, receiver, authority):
    files = authority.make("future", first_day=1, last_day=2)
    refused(notifier, receiver(tls=certificates.context(files)), tls={"ca": authority.text})


def test_wrong_name(notifier, receiver, authority):
    files = authority.make("wrong", names="DNS:elsewhere.example,IP:127.0.0.2")
    refused(notifier, receiver(tls=certificates.context(files)), tls={"ca": authority.text})


def test_name_of_the_subject_only(notifier, receiver, authority):
    """A common name is no name (RFC 9525)."""
    files = authority.make("localhost", names="DNS:elsewhere.example")
    sink = receiver(tls=certificates.context(files))
    id = notifier.submit(notifier.receiver(sink.url("/tls", host="localhost"), ladder="1h", tls={"ca": authority.text}))
    [attempt] = notifier.wait_attempts(id, 1)
    assert attempt["errorClass"] == "tls" and sink.got() == []


def test_self_signed(notifier, receiver, tmp_path):
    files = certificates.self_signed(tmp_path)
    sink = receiver(tls=certificates.context(files))
    refused(notifier, sink)
    id = notifier.submit(notifier.receiver(sink.url("/tls"), tls={"ca": files[0].read_text(encoding="ascii")}))
    notifier.wait(id, "delivered")  # when it is named, it is its own authority


def test_client_certificate(notifier, receiver, authority, good, tmp_path):
    clients = certificates.Authority(tmp_path, "clients")
    certificate, key = clients.make("we")
    sink = receiver(tls=certificates.context(good, client_ca=clients.pem))
    pair = {"certificate": certificate.read_text(encoding="ascii"), "key": key.read_text(encoding="ascii")}
    name = notifier.receiver(sink.url("/tls"), tls={"ca": authority.text, **pair})
    id = notifier.submit(name)
    [request] = sink.wait(1, "/tls")
    assert (("commonName", "we"),) in request.certificate["subject"]
    notifier.wait(id, "delivered")
    shown = notifier.show(name)["settings"]["tls"]
    assert pair["key"].splitlines()[1] not in str(shown)


def test_client_certificate_wanted(notifier, receiver, authority, good, tmp_path):
    """Without one, or with another's: ended, whether while TLS begins or (1.3) at the first read."""
    clients, others = certificates.Authority(tmp_path, "clients"), certificates.Authority(tmp_path, "others")
    certificate, key = others.make("stranger")
    sink = receiver(tls=certificates.context(good, client_ca=clients.pem))
    pair = {"certificate": certificate.read_text(encoding="ascii"), "key": key.read_text(encoding="ascii")}
    for more in ({}, pair):
        id = notifier.submit(notifier.receiver(sink.url("/tls"), ladder="1h", tls={"ca": authority.text, **more}))
        [attempt] = notifier.wait_attempts(id, 1)
        assert attempt["errorClass"] in ("tls", "receive", "send") and sink.got() == []


def test_receivers_do_not_share_what_they_trust(notifier, receiver, authority, good):
    """A connection that one receiver's settings opened is not used for another's."""
    sink = receiver(tls=certificates.context(good))
    first = notifier.submit(notifier.receiver(sink.url("/tls"), tls={"ca": authority.text}))
    notifier.wait(first, "delivered")
    second = notifier.submit(notifier.receiver(sink.url("/tls"), ladder="1h"))
    [attempt] = notifier.wait_attempts(second, 1)
    assert attempt["errorClass"] == "tls"


def test_plain_where_tls_is_spoken(notifier, receiver, authority, good):
    tls, plain = receiver(tls=certificates.context(good)), receiver()
    for url in (tls.url("/tls", scheme="http"), plain.url("/tls", scheme="https")):
        id = notifier.submit(notifier.receiver(url, ladder="1h", timeoutMs=1500, tls={"ca": authority.text}))
        [attempt] = notifier.wait_attempts(id, 1)
        assert attempt["errorClass"] in ("tls", "receive", "malformed", "timeout"), attempt
    assert tls.got() == [] and plain.got() == []


def test_old_versions(notifier, authority, good):
    import ssl
    context = certificates.context(good)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with Receiver(tls=context) as sink:
        refused(notifier, sink, tls={"ca": authority.text})


@pytest.mark.parametrize("tls", [{"ca": "no PEM"}, {"certificate": "x"}, {"key": "x"}, {"ca": 7}, {"colour": "red"}, "x",
                                 {"ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}])
def test_wrong_settings(notifier, tls):
    notifier.invalid("PUT", "/v1/receivers/wrong", {"url": "https://127.0.0.1:9/", "tls": tls}, field="tls")


def test_key_of_another_certificate(notifier, authority):
    certificate, key = authority.make("one")[0], authority.make("two")[1]
    notifier.invalid("PUT", "/v1/receivers/wrong", {"url": "https://127.0.0.1:9/", "tls": {
        "certificate": certificate.read_text(encoding="ascii"), "key": key.read_text(encoding="ascii")}}, field="key")
