# SPDX-License-Identifier: Apache-2.0
"""A member whose heartbeat stays away is out after 120 s though its connection lives; a silent connection is closed."""
import time

import codec
import pytest

pytestmark = pytest.mark.slow
PATIENCE_S = 170  # two minutes, and the sweeps on top


def test_member_and_connection_expire(server, connect, topic, group):
    stays, stops, silent = connect(server.broker), connect(server.broker), connect(server.broker)
    stays.made_topic(topic)
    stays.beat("stays", group, [topic])
    stops.beat("stops", group, [topic])
    begun = time.monotonic()
    while "stops" in stays.members(group):
        assert time.monotonic() - begun < PATIENCE_S, "the member never expired"
        stays.beat("stays", group, [topic])
        assert stops.offset(codec.MAX_OFFSET, topic) >= 0  # traffic, but no heartbeat
        stays.forget_pushed()
        time.sleep(1)
    assert time.monotonic() - begun >= 110
    assert stays.members(group) == ["stays"]
    assert not stops.is_closed
    assert silent.wait_closed(PATIENCE_S)
    assert time.monotonic() - begun >= 110
