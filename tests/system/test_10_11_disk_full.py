# SPDX-License-Identifier: Apache-2.0
"""A full disk: sends are refused with 14, what was acknowledged stays and can be read, service resumes by itself."""
import urllib.error
import urllib.request

import codec
import pytest
from client import Client, wait_until

pytestmark = pytest.mark.ours
FLAGS = ("--segment-size", "4M", "--max-message-size", "1M", "--disk-reserve", "8M", "--retry-ladder", "1s 1h")
BODY = b"y" * 200_000


@pytest.fixture(name="small")
def fixture_small(small_disk):
    return small_disk(FLAGS, 48)


def fill(client, first=0):
    """Sends until refused; returns the bodies that were acknowledged."""
    acknowledged = []
    while True:
        body = f"{first + len(acknowledged):06}".encode() + BODY
        answer = client.send("t", body)
        if answer.code != codec.OK:
            assert answer.code == codec.NOT_AVAILABLE and answer.remark, answer
            return acknowledged
        acknowledged.append(body)
        assert len(acknowledged) < 1000


def readiness(server):
    try:
        return urllib.request.urlopen(f"http://{server.http}/readyz", timeout=60).status
    except urllib.error.HTTPError as error:
        return error.code


def test_refuses_keeps_resumes(small):
    filler = small.data.parent / "filler"
    filler.write_bytes(b"x" * 16 * 1024 * 1024)
    with Client(small.broker) as client:
        client.made_topic("t", queues=1)
        acknowledged = fill(client)
        assert acknowledged
        assert client.send_batch("t", [(BODY, {})]).code == codec.NOT_AVAILABLE
        assert client.send("t", b"delayed", props={"TIMER_DELAY_MS": "10"}).code == codec.NOT_AVAILABLE
        assert [m.body for m in client.read("t")] == acknowledged
        assert readiness(small) == 503
        assert client.beat("c1", "g", ["t"]).code == codec.OK
        filler.unlink()
        wait_until(lambda: client.send("t", b"again").code == codec.OK, 60, "service resuming")
        wait_until(lambda: readiness(small) == 200)
        found = [m.body for m in client.read("t")]
        assert found == acknowledged + [b"again"]


def test_full_to_the_last_byte_from_outside(small):
    """Another program takes even the reserve: nothing breaks, nothing acknowledged is lost."""
    with Client(small.broker) as client:
        client.made_topic("t", queues=1)
        acknowledged = [b"first"]
        client.sent("t", b"first")
        filler = small.data.parent / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 65536)
            except OSError:
                pass  # full
        acknowledged += fill(client)
        client.commit("g", "t", 1)
        assert [m.body for m in client.read("t")] == acknowledged
        filler.unlink()
        wait_until(lambda: client.send("t", b"again").code == codec.OK, 60, "service resuming")
        assert [m.body for m in client.read("t")] == acknowledged + [b"again"]
    small.restart(kill9=True)
    with Client(small.broker) as client:
        assert [m.body for m in client.read("t")] == acknowledged + [b"again"]


def test_killed_while_full(small):
    filler = small.data.parent / "filler"
    filler.write_bytes(b"x" * 16 * 1024 * 1024)
    with Client(small.broker) as client:
        client.made_topic("t", queues=1)
        acknowledged = fill(client)
    small.kill9()
    small.start()
    with Client(small.broker) as client:
        assert [m.body for m in client.read("t")] == acknowledged
        assert client.send("t", BODY).code == codec.NOT_AVAILABLE or fill(client, len(acknowledged)) is not None
        filler.unlink()
        wait_until(lambda: client.send("t", b"again").code == codec.OK, 60, "service resuming")
        assert client.read("t")[-1].body == b"again"


def test_ladder_goes_on(small):
    """What was given back before the disk was full comes in its time, on a full disk too, or right after."""
    filler = small.data.parent / "filler"
    filler.write_bytes(b"x" * 16 * 1024 * 1024)
    with Client(small.broker) as client:
        client.made_topic("t", queues=1)
        client.sent("u", b"fails")
        assert client.send_back(client.next("u"), "g").code == codec.OK
        fill(client)
        answer = client.send_back(client.next("t"), "g2")
        assert answer.code != codec.OK  # the client keeps it and asks again
        filler.unlink()
        assert client.next("%RETRY%g", within_s=60).body == b"fails"
        wait_until(lambda: client.send_back(client.next("t"), "g2").code == codec.OK, 60)
        assert client.next("%RETRY%g2", within_s=60).body.startswith(b"000000")
