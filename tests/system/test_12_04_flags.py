# SPDX-License-Identifier: Apache-2.0
"""Flags: mistakes end the program with 2 and a line that names the flag and what would be right."""
import pytest
from server import run

pytestmark = pytest.mark.ours


@pytest.mark.parametrize("flags,words", [
    (["--nonsense"], ["nonsense"]),
    (["--broker-port", "x"], ["broker-port"]),
    (["--broker-port=99999"], ["broker-port"]),
    (["--broker-port"], ["broker-port"]),
    (["--retry-ladder", "1m 5x"], ["5x"]),
    (["--message-delay-level", "1s and more"], ["message-delay-level"]),
    (["--auto-create-topics=maybe"], ["auto-create-topics"]),
    (["--max-message-size", "0"], ["max-message-size"]),
    (["--max-message-size", "1T"], ["max-message-size"]),
    (["--segment-size", "1"], ["segment-size"]),
    (["--retention-time", "yesterday"], ["retention-time"]),
    (["--topic", "bad name"], ["bad name"]),
    (["--topic", "good:many"], ["good:many"]),
    (["--topic", "good:0"], ["good:0"]),
    (["--listen", "not an address"], ["not an address"]),
    (["--advertise", "not an address"], ["not an address"]),
    (["--log-level", "loud"], ["loud"]),
    (["unexpected"], ["unexpected"]),
])
def test_mistakes(tmp_path, flags, words):
    answer = run("serve", "--data", tmp_path / "data", "--check-config", *flags)
    assert answer.returncode == 2, answer
    assert all(word in answer.stderr for word in words), answer.stderr
    assert not answer.stdout


def test_good_flags(tmp_path):
    answer = run("serve", "--data", tmp_path / "data", "--check-config", "--retry-ladder=1s 2s", "--topic=a:3",
                 "--topic", "b", "--auto-create-topics=false", "--retention-size", "10G")
    assert answer.returncode == 0
    assert not (tmp_path / "data").exists()


def test_help():
    answer = run("serve", "--help")
    assert answer.returncode == 0
    for flag in ("--data", "--config", "--check-config", "--topic", "--retry-ladder", "--message-delay-level",
                 "--advertise", "--retention-time", "--retention-size", "--segment-size", "--max-message-size"):
        assert flag in answer.stdout


@pytest.mark.parametrize("arguments", [[], ["unheard-of"], ["topic"], ["topic", "unheard-of"], ["--nonsense"]])
def test_wrong_commands(arguments):
    answer = run(*arguments)
    assert answer.returncode == 2
    assert answer.stderr or "Usage" in answer.stdout


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    answer = run("serve", "--data", tmp_path / "file" / "data", "--namesrv-port", 0, "--broker-port", 0,
                 "--http-port", 0)
    assert answer.returncode == 1 and "file" in answer.stderr


@pytest.mark.parametrize("port", ["namesrv", "broker", "vip", "http"])
def test_port_that_is_taken(own_server, tmp_path, port):
    server = own_server()
    taken = int(server.fields["namesrv" if port == "vip" else port].rsplit(":", 1)[1])
    flags = {"namesrv": 0, "broker": 0, "http": 0}
    flags["broker" if port == "vip" else port] = taken + 2 if port == "vip" else taken  # VIP port: two below
    answer = run("serve", "--data", tmp_path / "second", *(f"--{name}-port={number}" for name, number in flags.items()))
    assert answer.returncode == 1
    assert str(taken) in answer.stderr and "another program" in answer.stderr
