# SPDX-License-Identifier: Apache-2.0
"""Beyond loopback the API is not served without keys: the server does not start."""
import pytest
import ports
from keyfile import KeyFile
from server import PROGRAM, run

pytestmark = pytest.mark.ours


def arguments(tmp_path, listen, *more):
    block = ports.Block()
    return block, ["serve", "--data", str(tmp_path / "data"), f"--listen={listen}", f"--namesrv-port={block.first}", f"--broker-port={block.first + 3}",
                   f"--http-port={block.first + 4}", *more]


@pytest.mark.parametrize("listen", ["0.0.0.0", "::"])
def test_without_keys(tmp_path, listen):
    block, words = arguments(tmp_path, listen, "--advertise=127.0.0.1")
    done = run(*words, within_s=30)
    assert done.returncode != 0 and not done.stdout.startswith("ready ")
    assert "keys" in done.stderr, done.stderr
    assert block.first


def test_with_keys(tmp_path):
    from server import Server
    keys = KeyFile(tmp_path / "keys")
    keys.add("operator", "ops")
    block, words = arguments(tmp_path, "0.0.0.0", "--advertise=127.0.0.1", keys.flag)
    server = Server(tmp_path / "data", words[1:], command=(PROGRAM,), defaults=False)
    server.start()
    assert server.http.endswith(f":{block.first + 4}")
    server.stop()


def test_loopback_without_keys(own_server):
    assert own_server().ready_line.startswith("ready ")
