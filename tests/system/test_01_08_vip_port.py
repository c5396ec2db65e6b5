# SPDX-License-Identifier: Apache-2.0
"""Clients up to 4.5.0 send to the broker port - 2, to the address they work out themselves from the route."""
import json

import codec


def test_vip_port_is_two_below_the_route(server, names, client, connect, topic):
    client.made_topic(topic)
    address = json.loads(names.route(topic).body)["brokerDatas"][0]["brokerAddrs"]["0"]
    host, port = address.rsplit(":", 1)
    vip = connect(f"{host}:{int(port) - 2}")
    assert vip.sent(topic, b"by VIP")[1] == 0
    assert client.next(topic).body == b"by VIP"


def test_what_a_client_of_4_5_0_sends_there(server, client, connect, topic, group):
    client.made_topic(topic)
    client.beat("c1", group, [topic])
    vip = connect(server.vip)
    assert vip.send_batch(topic, [(b"1", {}), (b"2", {})]).code == codec.OK
    assert vip.members(group) == ["c1"]
    assert vip.commit(group, topic, 1).code == codec.OK
    assert vip.committed(group, topic) == 1
    assert vip.lock("c1", group, topic, [0]) == [0]
    assert vip.unlock("c1", group, topic, [0]).code == codec.OK
    assert vip.send_back(client.next(topic), group).code == codec.OK
