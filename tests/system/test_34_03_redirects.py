# SPDX-License-Identifier: Apache-2.0
"""Redirects are failures: none is followed, wherever it points."""
import pytest
from notifier import ALLOW
from receivers import redirect

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


@pytest.mark.parametrize("code", [300, 301, 302, 303, 305, 307, 308])
def test_not_followed(notifier, sink, receiver, code):
    trap = receiver()
    path = f"/{code}"
    sink.on(path, redirect(trap.url("/trap"), code))
    id = notifier.submit(notifier.receiver(sink.url(path), ladder="10ms 1h"))
    first, second = notifier.wait_attempts(id, 2)
    assert first["status"] == second["status"] == code
    assert trap.connections == 0 and len(sink.got(path)) == 2


@pytest.mark.parametrize("location", ["/trap", "//127.0.0.1/trap", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "",
                                      "gopher://127.0.0.1:9/x", "http://[::1]:9/", "x" * 5000, "/a\tb", "?"])
def test_anywhere(notifier, sink, location):
    path = f"/to{abs(hash(location))}"
    sink.on(path, redirect(location))
    id = notifier.submit(notifier.receiver(sink.url(path), ladder="1h"))
    [attempt] = notifier.wait_attempts(id, 1)
    assert attempt["status"] == 302
    assert sink.got("/trap") == []


def test_refresh_is_nothing(notifier, sink):
    from receivers import ok
    sink.on("/refresh", ok(fields=[("Refresh", f"0; url={sink.url('/trap')}"), ("Location", sink.url("/trap")),
                                   ("Alt-Svc", f'h2=":{sink.port}"'), ("Link", f"<{sink.url('/trap')}>; rel=preload")]))
    name = notifier.receiver(sink.url("/refresh"))
    for _ in range(3):
        notifier.wait(notifier.submit(name), "delivered")
    assert sink.got("/trap") == [] and len(sink.got("/refresh")) == 3
