# SPDX-License-Identifier: Apache-2.0
"""A new secret: both sign until the old one expires; secrets are shown once and never again."""
import hashlib
import hmac
import re

import pytest
import signatures
from client import wait_until
from notifier import ALLOW, Notifier, now_ms
from receivers import ok, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def next_request(notifier, sink, name, path):
    before = len(sink.got(path))
    notifier.submit(name)
    return sink.wait(before + 1, path)[-1]


def test_both_sign(notifier, sink):
    old = signatures.secret()
    name = notifier.receiver(sink.url("/a"), secrets=[{"secret": old}])
    made = notifier.good("POST", f"/v1/receivers/{name}/secrets", {"overlapMs": 3_600_000})
    new = made["secret"]
    assert new.startswith("whsec_") and new != old and made["version"] > 1
    request = next_request(notifier, sink, name, "/a")
    assert signatures.signatures(request) == [signatures.v1(request, new), signatures.v1(request, old)]


def test_the_old_one_expires(notifier, sink):
    old, new = signatures.secret(), signatures.secret()
    name = notifier.receiver(sink.url("/b"), secrets=[{"secret": old}])
    assert notifier.good("POST", f"/v1/receivers/{name}/secrets", {"secret": new, "overlapMs": 1500})["secret"] == new

    def only_new():
        request = next_request(notifier, sink, name, "/b")
        return signatures.signatures(request) == [signatures.v1(request, new)]
    wait_until(only_new, what="the old secret's end")


def test_at_once(notifier, sink):
    old = signatures.secret()
    name = notifier.receiver(sink.url("/c"), secrets=[{"secret": old}])
    new = notifier.good("POST", f"/v1/receivers/{name}/secrets", {"overlapMs": 0})["secret"]
    request = next_request(notifier, sink, name, "/c")
    assert signatures.signatures(request) == [signatures.v1(request, new)]


def test_between_two_attempts(notifier, sink):
    """A retry is signed with what is valid when it is made."""
    sink.on("/d", status(500), ok())
    old = signatures.secret()
    name = notifier.receiver(sink.url("/d"), secrets=[{"secret": old}], ladder="8s")
    notifier.submit(name)
    first = sink.wait(1, "/d")[0]
    new = notifier.good("POST", f"/v1/receivers/{name}/secrets")["secret"]
    second = sink.wait(2, "/d")[1]
    assert signatures.signatures(first) == [signatures.v1(first, old)]
    assert signatures.signatures(second) == [signatures.v1(second, new), signatures.v1(second, old)]


def test_many_rotations(notifier, sink):
    """As many sign as may; the newest first."""
    secrets = [signatures.secret()]
    name = notifier.receiver(sink.url("/e"), secrets=[{"secret": secrets[0]}])
    for _ in range(15):
        answer = notifier.call("POST", f"/v1/receivers/{name}/secrets", {"overlapMs": 3_600_000})
        assert answer.status in (200, 400, 409, 422), answer
        if answer.status == 200:
            secrets.insert(0, answer.json["secret"])
    assert len(secrets) >= 10
    request = next_request(notifier, sink, name, "/e")
    found = signatures.signatures(request)
    assert len(found) == 10 and found == [signatures.v1(request, one) for one in secrets[:10]]


def test_first_secret(notifier, sink):
    """A receiver without one gets one."""
    name = notifier.receiver(sink.url("/f"))
    secret = notifier.good("POST", f"/v1/receivers/{name}/secrets")["secret"]
    request = next_request(notifier, sink, name, "/f")
    assert signatures.signatures(request) == [signatures.v1(request, secret)]


def test_kept_over_kill(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    old = signatures.secret()
    name = api.receiver(sink.url("/g"), secrets=[{"secret": old}])
    new = api.good("POST", f"/v1/receivers/{name}/secrets")["secret"]
    server.restart(kill9=True)
    request = next_request(api, sink, name, "/g")
    assert signatures.signatures(request) == [signatures.v1(request, new), signatures.v1(request, old)]


def test_shown_only_by_name(own_server, sink):
    """Nowhere: not in an answer, a list, a problem, the log, or in clear on the disk."""
    server = own_server(ALLOW, "--log-level=debug")
    api = Notifier(server)
    old, password, token = signatures.secret(), "very-secret-password", "very-secret-token"
    name = api.receiver(sink.url("/h"), secrets=[{"secret": old, "expiresAt": now_ms() + 3_600_000}], auth={"basic": f"user:{password}"})
    bearer = api.receiver(sink.url("/h"), auth={"bearer": token})
    new = api.good("POST", f"/v1/receivers/{name}/secrets")["secret"]
    next_request(api, sink, name, "/h")
    next_request(api, sink, bearer, "/h")
    texts = [api.call("GET", path).body.decode() for path in
             ("/v1/receivers", f"/v1/receivers/{name}", f"/v1/receivers/{bearer}", "/v1/notifications")]
    texts.append(api.call("PATCH", f"/v1/receivers/{name}", {"timeoutMs": 5000}).body.decode())
    texts.append(api.call("PATCH", f"/v1/receivers/{name}", {"colour": "red", "secrets": [{"secret": old}]}).body.decode())
    shown = api.show(name)["settings"]["secrets"]
    assert len(shown) == 2 and all(set(one) <= {"id", "createdAt", "expiresAt"} and one["id"] for one in shown)
    server.stop()
    texts.append(server.stderr())
    kept = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file())
    for secret in (old, new, password, token):
        assert all(secret not in text for text in texts)
        assert secret.encode() not in kept and secret.removeprefix("whsec_").encode() not in kept
    assert re.search(r"\S", server.stderr())


def test_changing_other_settings_keeps_them(notifier, sink):
    """What is not told again stays: PATCH without secrets, and what GET shows sent back by PUT's If-Match dance."""
    old = signatures.secret()
    name = notifier.receiver(sink.url("/i"), secrets=[{"secret": old}])
    notifier.good("PATCH", f"/v1/receivers/{name}", {"timeoutMs": 7000})
    request = next_request(notifier, sink, name, "/i")
    assert signatures.signatures(request) == [signatures.v1(request, old)]


@pytest.mark.parametrize("body", [{"overlapMs": -1}, {"overlapMs": 2_592_000_001}, {"overlapMs": "x"}, {"activeAt": -1}, {"activeAt": "x"}, {"secret": "short"}, {"colour": 1}, []])
def test_wrong_requests(notifier, body):
    name = notifier.receiver("http://127.0.0.1:9/", name="rotated", secrets=[{"secret": signatures.secret()}])
    assert notifier.call("POST", f"/v1/receivers/{name}/secrets", body).status in (400, 422)
    notifier.refused(404, "POST", "/v1/receivers/nobody/secrets")


# ---- schemes with room for one signature ----
FORM = "application/x-www-form-urlencoded"


def next_form(notifier, sink, name, path):
    """A form that the receiver gets from now on."""
    count = len(sink.got(path))
    notifier.raw(name, b"b=2&a=1", content_type=FORM)
    return sink.wait(count + 1, path)[count]


def hex_of(text, body):
    return hmac.new(text.encode(), body, hashlib.sha256).hexdigest()


class Scheme:
    """How a receiver that knows some secrets checks what it gets: `signer` is the one that fits."""

    def __init__(self, scheme, folder):
        self.scheme, self.folder = scheme, folder
        made = [signatures.rsa_pair(folder / str(n)) for n in range(2)] if scheme == "rsa2" else [("old secret", None), ("new secret", None)]
        self.texts, self.public = [one[0] for one in made], [one[1] for one in made]

    def fits(self, request, n):
        params, text = signatures.form_params(request.body), self.texts[n]
        if self.scheme == "hmac_hex":
            return request.header("X-Signature") == hex_of(text, request.body)
        if self.scheme == "rsa2":
            return signatures.is_rsa2(params, self.public[n], self.folder)
        return params["sign"] == {"params_md5": signatures.params_md5, "params_hmac": signatures.params_hmac}[self.scheme](params, text)

    def signer(self, request):
        fits = [n for n in range(2) if self.fits(request, n)]
        assert len(fits) == 1, fits
        return fits[0]


@pytest.fixture(params=["hmac_hex", "params_md5", "params_hmac", "rsa2"])
def scheme(request, tmp_path):
    for n in range(2):
        (tmp_path / str(n)).mkdir()
    return Scheme(request.param, tmp_path)


def test_the_old_one_signs_until_the_overlap_ends(notifier, sink, scheme):
    path = f"/one-{scheme.scheme}"
    name = notifier.receiver(sink.url(path), signature={"scheme": scheme.scheme}, secrets=[{"secret": scheme.texts[0]}])
    before = now_ms()
    made = notifier.good("POST", f"/v1/receivers/{name}/secrets", {"secret": scheme.texts[1], "overlapMs": 600_000})
    assert before + 600_000 <= made["activeAt"] <= now_ms() + 600_000
    assert scheme.signer(next_form(notifier, sink, name, path)) == 0
    shown = notifier.show(name)["settings"]["secrets"]
    assert shown[0]["activeAt"] == shown[1]["expiresAt"] == made["activeAt"] and "activeAt" not in shown[1]
    # The other secrets' texts stay when their times are changed.
    notifier.good("PATCH", f"/v1/receivers/{name}", {"secrets": [{"id": shown[0]["id"]}, {"id": shown[1]["id"]}]})
    assert scheme.signer(next_form(notifier, sink, name, path)) == 1


def test_the_new_one_takes_over(notifier, sink, scheme):
    path = f"/over-{scheme.scheme}"
    name = notifier.receiver(sink.url(path), signature={"scheme": scheme.scheme}, secrets=[{"secret": scheme.texts[0]}])
    made = notifier.good("POST", f"/v1/receivers/{name}/secrets", {"secret": scheme.texts[1], "overlapMs": 1500})

    def taken_over():
        request = next_form(notifier, sink, name, path)
        n = scheme.signer(request)
        assert n == 1 or int(request.header("webhook-timestamp")) * 1000 < made["activeAt"]
        return n == 1
    wait_until(taken_over, what="the new secret's time")


def test_at_once_or_when_it_is_said(notifier, sink, scheme):
    path = f"/said-{scheme.scheme}"
    for body, signer in [({"overlapMs": 0}, 1), ({"activeAt": 1}, 1), ({"activeAt": now_ms() + 3_600_000, "overlapMs": 0}, 0)]:
        name = notifier.receiver(sink.url(path), signature={"scheme": scheme.scheme}, secrets=[{"secret": scheme.texts[0]}])
        made = notifier.good("POST", f"/v1/receivers/{name}/secrets", {"secret": scheme.texts[1], **body})
        assert ("activeAt" in made) == (signer == 0)
        assert scheme.signer(next_form(notifier, sink, name, path)) == signer


def test_a_second_header(notifier, sink):
    """While two are valid, whoever knows either of them finds its signature in one of two headers."""
    signature = {"scheme": "hmac_hex", "header": "X-Sig", "secondHeader": "X-Sig-2", "prefix": "sha256="}
    name = notifier.receiver(sink.url("/second"), signature=signature, secrets=[{"secret": "old"}])
    assert next_form(notifier, sink, name, "/second").header("X-Sig-2") is None
    notifier.good("POST", f"/v1/receivers/{name}/secrets", {"secret": "new"})
    request = next_form(notifier, sink, name, "/second")
    assert (request.header("X-Sig"), request.header("X-Sig-2")) == tuple("sha256=" + hex_of(text, request.body) for text in ("old", "new"))
    assert notifier.show(name)["settings"]["signature"] == signature


def test_a_later_begin_of_the_standard_one(notifier, sink):
    old = signatures.secret()
    name = notifier.receiver(sink.url("/later"), secrets=[{"secret": old}])
    made = notifier.good("POST", f"/v1/receivers/{name}/secrets", {"activeAt": now_ms() + 3_600_000})
    request = next_request(notifier, sink, name, "/later")
    assert signatures.signatures(request) == [signatures.v1(request, old)]
    assert made["activeAt"] == notifier.show(name)["settings"]["secrets"][0]["activeAt"]


def test_nothing_would_sign(notifier, sink):
    """A receiver without a secret cannot be told to begin later, and none may be told to begin in a year."""
    name = notifier.receiver(sink.url("/none"))
    for ahead_ms in (3_600_000, 31_536_000_000):
        notifier.refused(400, "POST", f"/v1/receivers/{name}/secrets", {"activeAt": now_ms() + ahead_ms}, field="activeAt")


def test_a_later_begin_over_a_kill(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/kill"), signature={"scheme": "hmac_hex"}, secrets=[{"secret": "old"}])
    made = api.good("POST", f"/v1/receivers/{name}/secrets", {"secret": "new"})
    server.restart(kill9=True)
    request = next_form(api, sink, name, "/kill")
    assert request.header("X-Signature") == hex_of("old", request.body)
    assert api.show(name)["settings"]["secrets"][0]["activeAt"] == made["activeAt"]
