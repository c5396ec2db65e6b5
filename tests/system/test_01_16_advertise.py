# SPDX-License-Identifier: Apache-2.0
"""--advertise is the address in routes and in message ids, whatever address is listened on."""
import json

import codec
import pytest

FLAGS = ("--advertise", "127.0.0.7")
pytestmark = pytest.mark.ours


def test_route_names_the_advertised_address(client, server, topic):
    client.made_topic(topic)
    port = server.broker.rsplit(":", 1)[1]
    route = json.loads(client.route(topic).body)
    assert route["brokerDatas"][0]["brokerAddrs"]["0"] == f"127.0.0.7:{port}"


def test_message_ids_name_the_advertised_address(client, server, topic):
    answer = client.send(topic)
    host, port, position = codec.parse_message_id(answer.ext["msgId"])
    assert f"{host}:{port}" == f"127.0.0.7:{server.broker.rsplit(':', 1)[1]}"
    assert client.next(topic).store_host == (host, port)
    assert client.view(position).code == codec.OK
