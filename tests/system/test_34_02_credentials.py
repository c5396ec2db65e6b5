# SPDX-License-Identifier: Apache-2.0
"""Basic and bearer credentials: sent with each attempt, to that receiver only."""
import base64

import pytest
from notifier import ALLOW, INVALID
from receivers import ok, redirect, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def test_basic(notifier, sink):
    sink.on("/basic", status(401, fields=[("WWW-Authenticate", "Basic")]), ok())
    notifier.submit(notifier.receiver(sink.url("/basic"), auth={"basic": "us er:pass:wörd"}, ladder="10ms"))
    for request in sink.wait(2, "/basic"):
        kind, text = request.header("authorization").split(" ")
        assert kind == "Basic" and base64.b64decode(text).decode() == "us er:pass:wörd"


def test_bearer(notifier, sink):
    notifier.submit(notifier.receiver(sink.url("/bearer"), auth={"bearer": "abc.def"}))
    assert sink.wait(1, "/bearer")[0].header("authorization") == "Bearer abc.def"


def test_not_to_others(notifier, sink, receiver):
    other = receiver()
    sink.on("/from", redirect(other.url("/trap"), 307))
    id = notifier.submit(notifier.receiver(sink.url("/from"), auth={"bearer": "abc"}, ladder="1h"))
    notifier.wait_attempts(id, 1)
    notifier.wait(notifier.submit(notifier.receiver(other.url("/plain"))), "delivered")
    assert [one.path for one in other.got()] == ["/plain"] and other.got()[0].header("authorization") is None


def test_no_netrc_no_proxy(own_server, sink, receiver, tmp_path):
    """The environment of the server has no say in where it goes and as whom."""
    from notifier import Notifier
    proxy = receiver()
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password secret\n", encoding="ascii")
    there = proxy.url("")
    server = own_server(ALLOW, env={"http_proxy": there, "HTTP_PROXY": there, "https_proxy": there, "ALL_PROXY": there, "all_proxy": there,
                                    "no_proxy": "", "HOME": str(tmp_path), "NETRC": str(tmp_path / ".netrc")})
    api = Notifier(server)
    api.wait(api.submit(api.receiver(sink.url("/direct"))), "delivered")
    [request] = sink.got("/direct")
    assert request.header("authorization") is None and proxy.connections == 0


@pytest.mark.parametrize("auth", [{"basic": "nocolon"}, {"basic": 7}, {"bearer": ""}, {"bearer": "a b"}, {"bearer": "a\r\nb: c"},
                                  {"basic": "a:b", "bearer": "c"}, {"colour": "red"}, {}, "x"])
def test_wrong_settings(notifier, auth):
    answer = notifier.call("PUT", "/v1/receivers/wrong", {"url": "http://127.0.0.1:9/", "auth": auth})
    assert answer.status in INVALID or (auth == {} and answer.status < 300), answer
