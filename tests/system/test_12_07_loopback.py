# SPDX-License-Identifier: Apache-2.0
"""Without being told otherwise the server listens on loopback only."""
from pathlib import Path

import pytest

pytestmark = pytest.mark.ours


def listening(pid):
    """Local addresses (hex) of the listening TCP sockets of a process."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(link.readlink())
        except FileNotFoundError:  # closed meanwhile
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.append(fields[1].split(":")[0])
    return found


def test_default(own_server, tmp_path):
    server = own_server("--data", str(tmp_path / "loop"), "--namesrv-port=0", "--broker-port=0", "--http-port=0",
                        defaults=False)
    addresses = listening(server.pid)
    assert len(addresses) == 4
    assert set(addresses) == {"0100007F"}
