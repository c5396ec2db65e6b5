# SPDX-License-Identifier: Apache-2.0
"""Faults of peers: a host name that is always allowed (Svix: "backend"), inner networks that are (Convoy), no guard at
all (Outpost), an address that is checked and another that is connected to."""
import pytest
from namespaces import Inside, command

pytestmark = pytest.mark.ours
INNER = {"backend": "127.0.0.1", "metadata.google.internal": "169.254.169.254", "db": "10.1.2.3", "v6": "::1", "mapped": "::ffff:127.0.0.1"}


def test_names_of_inner_hosts(own_server, tmp_path):
    """In a network without a way out: the class of the failure tells a refusal from an attempt to connect."""
    lines = [f"{address} {name}" for name, address in INNER.items()] + ["127.0.0.1 both", "127.0.0.9 both"]
    words, _ = command(tmp_path, hosts="\n".join(lines) + "\n")
    api = Inside(own_server("--notify-allow=127.0.0.9", command=words))
    for name in INNER:
        receiver = api.receiver(f"http://{name}/", ladder="1h")
        [attempt] = api.wait_attempts(api.submit(receiver), 1)
        assert attempt["errorClass"] == "address" and attempt["error"], (name, attempt)
    # A name with an allowed address and another: the other one is never connected to.
    [attempt] = api.wait_attempts(api.submit(api.receiver("http://both/", ladder="1h")), 1)
    assert attempt["errorClass"] in ("address", "connect"), attempt
