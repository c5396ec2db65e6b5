# SPDX-License-Identifier: Apache-2.0
"""--retention-size: the oldest files go; offsets stay what they were, readers are sent on to what is left."""
import time

import codec
import pytest
from client import Client, wait_until

pytestmark = pytest.mark.ours
FLAGS = ("--segment-size", "1M", "--max-message-size", "256K", "--retention-size", "3M")
KILO = b"x" * 1000


def overfill(server, client, topic="t"):
    """Sends until the first message is gone and no more goes; returns the least offset and how many were sent."""
    sent = 0

    def gone():
        nonlocal sent
        client.send_batch(topic, [(f"{sent + i:08}".encode() + KILO, {"KEYS": f"k{sent + i}"}) for i in range(100)])
        sent += 100
        return client.min_offset(topic) > 0

    wait_until(gone, 240, "retention")
    wait_until(lambda: server.metric("tidings_log_bytes") <= 3 << 20, 240, "the end of retention")
    return client.min_offset(topic), sent


def test_oldest_go(own_server):
    server = own_server(*FLAGS)
    with Client(server.broker) as client:
        client.made_topic("t", queues=1)
        client.sent("t", b"first", props={"KEYS": "first"})
        first = client.next("t")
        least, sent = overfill(server, client)
        assert 0 < least < sent + 1 == client.max_offset("t")
        answer = client.pull("t", 0)
        assert (answer.code, int(answer.ext["nextBeginOffset"])) == (codec.PULL_MOVED, least)
        assert answer.ext["minOffset"] == str(least)
        assert client.next("t", least).body == f"{least - 1:08}".encode() + KILO
        assert client.view(first.position).code == codec.SYSTEM_ERROR
        assert client.send_back(first, "g").code == codec.SYSTEM_ERROR
        assert client.query("t", "first").code == codec.NOT_FOUND
        assert client.offset(codec.SEARCH_OFFSET, "t", timestamp=0) == least
    server.restart(kill9=True)
    with Client(server.broker) as client:
        assert client.min_offset("t") >= least
        assert client.sent("t", b"next")[1] == sent + 1
        found = client.read("t", offset=client.min_offset("t"))
        assert [m.offset for m in found] == list(range(found[0].offset, sent + 2))


def test_group_without_offset_is_told_so(own_server):
    """Code 22: the client's own consumeFromWhere decides, which needs 30, 31 or 29."""
    server = own_server(*FLAGS)
    with Client(server.broker) as client:
        client.made_topic("t", queues=1)
        overfill(server, client)
        assert client.committed("new_group", "t") is None


def test_stored_offset_below_the_least_stays_and_is_corrected_by_the_pull(own_server):
    server = own_server(*FLAGS)
    with Client(server.broker) as client:
        client.made_topic("t", queues=1)
        client.send_batch("t", [(b"x", {})] * 10)
        client.commit("g", "t", 5)
        least, _ = overfill(server, client)
        assert client.committed("g", "t") == 5
        answer = client.pull("t", 5, group="g")
        assert (answer.code, int(answer.ext["nextBeginOffset"])) == (codec.PULL_MOVED, least)


def test_waiting_messages_are_kept(own_server):
    """A message on the ladder and a delayed one are older than all that goes, and come all the same."""
    for wait_s in (6, 60):  # the second where this machine took the first one's time to send
        server, begun = own_server(*FLAGS, "--retry-ladder", f"{wait_s}s", name=f"data_{wait_s}"), time.monotonic()
        with Client(server.broker) as client:
            client.made_topic("t", queues=1)
            client.sent("u", b"delayed", props={"TIMER_DELAY_SEC": str(wait_s)})
            client.sent("u", b"fails", queue=1)
            client.send_back(client.next("u", queue=1), "g")
            batch = codec.encode_batch([(KILO, {})] * 100)
            asked = [client.begin(codec.SEND_BATCH, client.send_ext("t", m="true"), batch) for _ in range(80)]
            assert {client.finish(opaque).code for opaque in asked} == {codec.OK}
        if time.monotonic() - begun < wait_s:
            break
    with Client(server.broker) as client:
        assert client.next("u", client.min_offset("u"), within_s=120).body == b"delayed"
        assert client.next("%RETRY%g", client.min_offset("%RETRY%g"), within_s=120).body == b"fails"
        wait_until(lambda: client.min_offset("t") > 0, 240, "retention")


def test_other_topics_in_the_same_files(own_server):
    server = own_server(*FLAGS)
    with Client(server.broker) as client:
        client.made_topic("quiet", queues=2)
        for i in range(5):
            client.sent("quiet", f"{i}".encode())
        client.commit("g", "quiet", 5)
        client.made_topic("t", queues=1)
        overfill(server, client)
        wait_until(lambda: client.min_offset("quiet") == 5, 240, "retention of the quiet topic")
        assert client.pull("quiet", 5, group="g").code == codec.PULL_NOTHING
        assert client.sent("quiet", b"5")[1] == 5
        assert client.next("quiet", 5).body == b"5"
