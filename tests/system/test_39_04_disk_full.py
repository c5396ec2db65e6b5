# SPDX-License-Identifier: Apache-2.0
"""Fault of a peer (Convoy: the queue cannot be written, "Event queued successfully" is answered all the same). Ours
refuses what it cannot make durable; what was accepted is delivered; it resumes by itself when there is room."""

import pytest
from client import wait_until
from notifier import ALLOW, Notifier
from receivers import ok

pytestmark = pytest.mark.ours
FLAGS = (ALLOW, "--segment-size=4M", "--max-message-size=1M", "--disk-reserve=8M")


@pytest.fixture(name="small")
def fixture_small(small_disk):
    return small_disk(FLAGS, 128)


def test_refuses_keeps_resumes(small, sink):
    api = Notifier(small)
    sink.on("/full", ok())
    name = api.receiver(sink.url("/full"))
    api.good("POST", f"/v1/receivers/{name}/pause")
    filler = small.data.parent / "filler"
    filler.write_bytes(bytes(80 * 1024 * 1024))
    accepted, refused = {}, 0
    while refused < 5:
        body = b"%06d" % (len(accepted) + refused) + bytes(100_000)
        answer = api.call("POST", "/v1/notifications", body, content_type="application/octet-stream", headers={
            "Tidings-Tx-No": f"{len(accepted)} {refused}", "Tidings-Source": "s", "Tidings-Type": "t", "Tidings-Receivers": name})
        assert answer.status in (202, 503, 507), answer
        if answer.status == 202:
            accepted[answer.json["notifications"][0]["id"]] = body
        else:
            refused += 1
        assert len(accepted) < 1000
    assert accepted
    for id, body in list(accepted.items())[-3:]:
        assert api.payload(id).body == body
    filler.unlink()

    def takes():
        return api.call("POST", "/v1/notifications", {"source": "s", "type": "t", "txNo": "room", "receivers": [name], "payload": 1}).status == 202
    wait_until(takes, 60, "room again")
    small.restart(kill9=True)
    assert set(accepted) <= {one["id"] for one in api.list(receiver=name, limit=1000)}
    wait_until(lambda: api.call("POST", f"/v1/receivers/{name}/resume").status == 200, 60)
    wait_until(lambda: api.show(name)["waiting"] == 0, 120)
    for id, body in accepted.items():
        assert [one.body for one in sink.got("/full", id)][:1] == [body]
