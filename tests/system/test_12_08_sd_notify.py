# SPDX-License-Identifier: Apache-2.0
"""Under systemd: READY=1 when all ports accept, STOPPING=1 at the end."""
import socket

import pytest

pytestmark = pytest.mark.ours


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_states(own_server, tmp_path, abstract):
    name = str(tmp_path / "notify")[-90:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name if abstract else str(tmp_path / "notify"))
        listener.settimeout(60)
        server = own_server(env={"NOTIFY_SOCKET": "@" + name if abstract else str(tmp_path / "notify")})
        assert "READY=1" in listener.recv(4096).decode().splitlines()
        server.stop()
        assert "STOPPING=1" in listener.recv(4096).decode().splitlines()
