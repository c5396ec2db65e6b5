# SPDX-License-Identifier: Apache-2.0
"""Properties with and without the trailing separator come back whole, what the broker adds stands apart."""
import pytest
from codec import properties_text

PROPS = {"KEYS": "k", "TAGS": "t", "last": "value"}


@pytest.mark.parametrize("trailing", [True, False], ids=["4.5 and 5.x", "4.9"])
def test_separator_at_the_end(client, topic, trailing):
    client.sent(topic, props=properties_text(PROPS, trailing))
    properties = client.next(topic).properties
    assert {name: properties[name] for name in PROPS} == PROPS


@pytest.mark.parametrize("trailing", [True, False])
def test_last_property_survives_a_retry(client, topic, group, trailing):
    """The broker appends its own properties to those; the last one must not melt into them."""
    client.sent(topic, props=properties_text(PROPS, trailing))
    message = client.next(topic)
    assert client.send_back(message, group, level=1).code == 0
    properties = client.next(f"%RETRY%{group}").properties
    assert {name: properties[name] for name in PROPS} == PROPS
    assert properties["RETRY_TOPIC"] == topic


def test_no_properties(client, topic):
    ext = client.send_ext(topic)
    del ext["i"]
    assert client.call(310, ext, b"x").code == 0
    assert client.next(topic).body == b"x"


def test_order_and_strange_names(client, topic):
    props = {"a b": "1", "ключ": "2", "x:y/z": "3", "TIDINGS": "4"}
    client.sent(topic, props=props)
    properties = client.next(topic).properties
    assert {name: properties[name] for name in props} == props


def test_region_and_trace_switch_are_added(client, topic):
    client.sent(topic, props={"KEYS": "k"})
    properties = client.next(topic).properties
    assert (properties["MSG_REGION"], properties["TRACE_ON"]) == ("DefaultRegion", "true")
