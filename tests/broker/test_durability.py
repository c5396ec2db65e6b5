# SPDX-License-Identifier: Apache-2.0
"""kill -9, restart, torn tails, damage, faults of the disk, retention, a full disk."""
import glob
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from remoting import Client, messages
from server import PROGRAM

LADDER = ("--retry-ladder", "1500ms", "--message-delay-level", "1500ms")


def bodies(client, topic, queue=0):
    found, offset = [], 0
    while True:
        answer = client.pull(topic, offset=offset, queue=queue)
        if answer.code != 0:
            return found
        found += [message.body for message in messages(answer.body)]
        offset = int(answer.ext["nextBeginOffset"])


@pytest.mark.parametrize("kill", [True, False])
def test_all_that_was_acknowledged_survives(make_server, kill):
    server = make_server(*LADDER)
    client = Client(server.broker)
    client.create_topic("t", queues=1, retryLadder="700ms")
    client.create_group("g2", retryLadder="100ms 200ms")
    for i in range(300):
        assert client.send("t", str(i).encode(), props={"KEYS": f"key{i}"}).code == 0
    assert client.send("t", b"delayed", props={"DELAY": "1"}).code == 0
    first, = messages(client.pull("t", most=1).body)
    assert client.send_back(first, "g").code == 0
    assert client.update_offset("g", "t", 120).code == 0
    time.sleep(0.6)  # offsets are written every 200 ms
    server.restart(kill=kill)
    client = Client(server.broker)
    assert bodies(client, "t")[:300] == [str(i).encode() for i in range(300)]
    assert client.query_offset("g", "t").ext["offset"] == "120"
    retried = messages(client.pull("%RETRY%g", suspend=8000).body)
    assert [message.body for message in retried] == [b"0"]
    delayed = messages(client.pull("t", offset=300, suspend=8000).body)
    assert delayed[0].body == b"delayed"
    window = {"topic": "t", "maxNum": "32", "beginTimestamp": "0", "endTimestamp": str(2 ** 62), "key": "key7"}
    assert [m.body for m in messages(client.call(12, window).body)] == [b"7"]
    configs = client.call(201).body.decode()
    assert "100ms 200ms" in configs


def test_offsets_go_on_without_gap_after_kill(make_server):
    server = make_server()
    for round_number in range(5):
        client = Client(server.broker)
        for i in range(50):
            answer = client.send("t", b"x", queue=0)
            assert int(answer.ext["queueOffset"]) == round_number * 50 + i
        server.restart(kill=True)
    assert len(bodies(Client(server.broker), "t")) == 250


def test_a_torn_tail_is_cut(make_server):
    server = make_server()
    client = Client(server.broker)
    for i in range(10):
        client.send("t", str(i).encode())
    end = int(client.send("t", b"last").ext["msgId"][16:], 16)
    server.kill()
    log = sorted(glob.glob(server.data + "/log/*.log"))[-1]
    with open(log, "r+b") as file:  # half a record behind the end, never acknowledged
        file.seek(end)
        record = file.read(256)
        size = int.from_bytes(record[:4], "little") + 40
        file.seek(end + (size + 7) // 8 * 8)
        file.write(record[:60])
    server.start()
    client = Client(server.broker)
    assert bodies(client, "t") == [str(i).encode() for i in range(10)] + [b"last"]
    assert int(client.send("t", b"next", queue=0).ext["queueOffset"]) == 11


def test_damage_inside_is_reported_and_the_rest_is_kept(make_server):
    server = make_server()
    client = Client(server.broker)
    positions = [int(client.send("t", str(i).encode(), queue=0).ext["msgId"][16:], 16) for i in range(20)]
    server.stop()
    log = sorted(glob.glob(server.data + "/log/*.log"))[0]
    with open(log, "r+b") as file:
        file.seek(positions[5] + 60)
        file.write(b"\xde\xad")
    server.start()
    client = Client(server.broker)
    assert bodies(client, "t") == [str(i).encode() for i in range(20) if i != 5]
    assert "damaged" in server.said()
    server.stop()  # the same again when the index is made anew from the log
    shutil.rmtree(server.data + "/index")
    server.start()
    client = Client(server.broker)
    assert bodies(client, "t") == [str(i).encode() for i in range(20) if i != 5]
    assert "damaged inside" in server.said()


@pytest.mark.parametrize("point", ["log.write", "log.sync", "log.space"])
def test_a_failing_disk_refuses_and_recovers(make_server, point):
    server = make_server(env={"TIDINGS_FAULT": f"{point}:20+3"})
    client = Client(server.broker)
    acked, refused, offsets = [], 0, []
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and len(acked) < 60:
        body = f"{len(acked)}-{refused}".encode()
        answer = client.send("t", body, queue=0)
        if answer.code == 0:
            acked.append(body)
            offsets.append(int(answer.ext["queueOffset"]))
        else:
            assert answer.code in (1, 14), answer
            refused += 1
            time.sleep(0.05)
    assert len(acked) == 60
    assert refused > 0 or point == "log.space"  # space is looked at only when a file grows
    assert offsets == list(range(60))
    server.env = None
    server.restart(kill=True)
    assert bodies(Client(server.broker), "t") == acked


def test_old_messages_go_by_size(make_server):
    server = make_server("--segment-size", "1M", "--max-message-size", "256K", "--retention-size", "3M")
    client = Client(server.broker)
    client.create_topic("t", queues=1)
    client.send("t", b"delayed is kept", queue=0, props={"TIMER_DELAY_SEC": "3600"})
    for i in range(60):
        assert client.send("t", b"x" * 100000, queue=0).code == 0
    time.sleep(12)
    held = len(glob.glob(server.data + "/log/*.log"))
    assert held >= 6  # a delayed message needs the first file
    client.create_topic("u", queues=1)
    other = make_server("--segment-size", "1M", "--max-message-size", "256K", "--retention-size", "3M",
                        name="other")
    client = Client(other.broker)
    for i in range(60):
        assert client.send("t", b"x" * 100000, queue=0).code == 0
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and int(client.call(31, {"topic": "t", "queueId": "0"}).ext["offset"]) == 0:
        time.sleep(0.5)
    least = int(client.call(31, {"topic": "t", "queueId": "0"}).ext["offset"])
    assert 20 < least < 60
    moved = client.pull("t", offset=0)
    assert (moved.code, int(moved.ext["nextBeginOffset"])) == (21, least)
    other.restart(kill=True)
    client = Client(other.broker)
    assert messages(client.pull("t", offset=least).body)[0].offset == least


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system, which only root may")
def test_a_full_disk_refuses_keeps_and_resumes(make_server, tmp_path):
    mount = tmp_path / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(mount)], check=True)
    server = None
    try:
        server = make_server("--segment-size", "8M", "--max-message-size", "1M", "--disk-reserve", "8M",
                             name="small/data")
        client = Client(server.broker)
        client.create_topic("t", queues=1)
        filler = mount / "filler"
        filler.write_bytes(b"x" * (20 * 1024 * 1024))
        acked = 0
        answer = client.send("t", b"y" * 500000, queue=0)
        while answer.code == 0:
            acked += 1
            assert acked < 200
            answer = client.send("t", b"y" * 500000, queue=0)
        assert answer.code == 14, answer
        assert len(bodies(client, "t")) == acked
        with pytest.raises(urllib.error.HTTPError) as unready:
            urllib.request.urlopen(f"http://{server.http}/readyz", timeout=5)
        assert unready.value.code == 503
        filler.unlink()
        deadline = time.monotonic() + 20
        while client.send("t", b"again", queue=0).code != 0:
            assert time.monotonic() < deadline, "service did not resume"
            time.sleep(0.2)
        assert bodies(client, "t")[-1] == b"again"
        server.stop()
    finally:
        if server is not None and server.process.poll() is None:
            server.kill()
        subprocess.run(["umount", str(mount)], check=True)


def test_http_and_command_line(make_server, tmp_path):
    server = make_server("--topic", "made:3")
    for path, text in (("healthz", "ok"), ("readyz", "ready"), ("metrics", "tidings_messages_in_total")):
        assert text in urllib.request.urlopen(f"http://{server.http}/{path}", timeout=5).read().decode()
    configuration = tmp_path / "tidings.yaml"

    def check(text, *flags):
        configuration.write_text(text)
        return subprocess.run([PROGRAM, "serve", "--config", str(configuration), "--check-config", *flags],
                              capture_output=True, text=True, timeout=20)
    assert check("store:\n  data: /tmp/x\nbroker:\n  retry_ladder: 1m 5m\n  topics:\n    - a:2\n").returncode == 0
    unknown = check("store:\n  data: /tmp/x\n  colour: red\n")
    assert unknown.returncode == 2 and "colour" in unknown.stderr and "line" in unknown.stderr
    wrong = check("store:\n  data: /tmp/x\nbroker:\n  retry_ladder: 1m 5x\n")
    assert wrong.returncode == 2 and "line 4" in wrong.stderr and "5x" in wrong.stderr
    assert check("", "--data", "/tmp/x", "--nonsense").returncode == 2
    taken = subprocess.run([PROGRAM, "serve", "--data", str(tmp_path / "two"), "--broker-port",
                            server.broker.rsplit(":", 1)[1]], capture_output=True, text=True, timeout=20)
    assert taken.returncode == 1 and "another program" in taken.stderr
