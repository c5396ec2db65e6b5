# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 over TLS, where the receiver offers it: to a server that speaks nothing else and sends back what it got."""
import os
import socket
import subprocess

import certificates
import pytest
import ports
from client import wait_until
from notifier import ALLOW

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """(port, the authority's text)"""
    folder = tmp_path_factory.mktemp("http2")
    authority = certificates.Authority(folder)
    certificate, key = authority.make("echo")
    (folder / "root").mkdir()
    block = ports.Block()
    process = subprocess.Popen(["nghttpd", "--echo-upload", "--address=127.0.0.1", f"--htdocs={folder / 'root'}",
                                str(block.first), str(key), str(certificate)],
                               env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
    wait_until(lambda: answers(block.first), what="the HTTP/2 server")
    yield block.first, authority.text
    process.terminate()
    process.wait()


def test_delivered(notifier, echo):
    port, authority = echo
    body = "success"
    name = notifier.receiver(f"https://127.0.0.1:{port}/notify", tls={"ca": authority}, ack={"body": body}, ladder="1h")
    ids = [notifier.raw(name, body.encode()) for _ in range(20)]
    for id in ids:
        notifier.wait(id, "delivered")
        [attempt] = notifier.attempts(id)
        assert attempt["status"] == 200 and attempt["reply"] == body


def test_what_it_answers_is_judged(notifier, echo):
    port, authority = echo
    name = notifier.receiver(f"https://127.0.0.1:{port}/notify", tls={"ca": authority}, ack={"body": "success"}, ladder="1h")
    id = notifier.raw(name, b"something else")
    [attempt] = notifier.wait_attempts(id, 1)
    assert attempt["reply"] == "something else" and notifier.get(id)["state"] == "waiting"
