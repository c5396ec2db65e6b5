# SPDX-License-Identifier: Apache-2.0
"""Name server port, broker port and VIP port each serve both sets of codes, on one state."""
import json

import codec
import pytest

pytestmark = pytest.mark.ours


@pytest.mark.parametrize("port", ["namesrv", "broker", "vip"])
def test_port_serves_both_sets(server, connect, port, topic, group):
    one = connect(getattr(server, port))
    one.made_topic(topic, queues=2)
    route = json.loads(one.route(topic).body)
    assert route["brokerDatas"][0]["brokerAddrs"]["0"] == server.broker
    assert one.sent(topic, b"here") [1] == 0
    assert one.next(topic).body == b"here"
    assert one.beat(f"c {port}", group, [topic]).code == codec.OK
    assert one.members(group) == [f"c {port}"]
    assert one.lock("c", group, topic, [0, 1]) == [0, 1]
    assert one.commit(group, topic, 1).code == codec.OK
    assert one.committed(group, topic) == 1


def test_ports_share_their_state(server, connect, topic, group):
    names, main, vip = (connect(address) for address in (server.namesrv, server.broker, server.vip))
    vip.made_topic(topic, queues=1)
    held = main.begin_pull(topic)
    vip.sent(topic, b"sent to the VIP port")
    assert codec.decode_messages(main.finish(held).body)[0].body == b"sent to the VIP port"
    main.commit(group, topic, 1)
    assert vip.committed(group, topic) == 1
    assert names.committed(group, topic) == 1
