# SPDX-License-Identifier: Apache-2.0
"""A new secret: both sign until the old one expires; secrets are shown once and never again."""
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
    name = notifier.receiver(sink.url("/d"), secrets=[{"secret": old}], ladder="3s")
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


@pytest.mark.parametrize("body", [{"overlapMs": -1}, {"overlapMs": 2_592_000_001}, {"overlapMs": "x"}, {"secret": "short"}, {"colour": 1}, []])
def test_wrong_requests(notifier, body):
    name = notifier.receiver("http://127.0.0.1:9/", name="rotated", secrets=[{"secret": signatures.secret()}])
    assert notifier.call("POST", f"/v1/receivers/{name}/secrets", body).status in (400, 422)
    notifier.refused(404, "POST", "/v1/receivers/nobody/secrets")
