# SPDX-License-Identifier: Apache-2.0
"""Faults of peers: a host name that is always allowed (Svix: "backend"), inner networks that are (Convoy), no guard at
all (Outpost), an address that is checked and another that is connected to."""
import os
import subprocess

import pytest
from notifier import Notifier
from server import PROGRAM

pytestmark = pytest.mark.ours
INNER = {"backend": "127.0.0.1", "metadata.google.internal": "169.254.169.254", "db": "10.1.2.3", "v6": "::1", "mapped": "::ffff:127.0.0.1"}


def test_names_of_inner_hosts(own_server, sink, tmp_path):
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        pytest.fail("this test wants to be run as root, with mount namespaces")
    hosts = tmp_path / "hosts"
    # The last name points at an outer address and at an inner one: whichever is taken, it is not the inner one.
    lines = [f"{address} {name}" for name, address in INNER.items()] + ["127.0.0.1 both", "127.0.0.9 both"]
    hosts.write_text("\n".join(lines) + "\n", encoding="ascii")
    script = tmp_path / "with-hosts"
    script.write_text(f'#!/bin/sh\nexec unshare -m sh -c \'mount --bind "{hosts}" /etc/hosts && exec "{PROGRAM}" "$@"\' sh "$@"\n', encoding="ascii")
    script.chmod(0o755)
    api = Notifier(own_server("--notify-allow=127.0.0.9", command=(str(script),)))
    for name in INNER:
        receiver = api.receiver(f"http://{name}:{sink.port}/", ladder="1h")
        [attempt] = api.wait_attempts(api.submit(receiver), 1)
        assert attempt["errorClass"] == "address" and attempt["error"], (name, attempt)
    [attempt] = api.wait_attempts(api.submit(api.receiver(f"http://both:{sink.port}/", ladder="1h")), 1)
    assert attempt["errorClass"] in ("address", "connect")
    assert sink.connections == 0
