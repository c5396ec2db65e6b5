# SPDX-License-Identifier: Apache-2.0
"""When a member expires the others of its group are told, as if it had left."""
import time

import codec
import pytest

pytestmark = pytest.mark.slow
PATIENCE_S = 170  # two minutes, and the sweeps on top


def test_members_are_told(server, connect, topic, group):
    stays, stops = connect(server.broker), connect(server.broker)
    stays.made_topic(topic)
    stops.beat("stops", group, [topic])
    stays.beat("stays", group, [topic])
    stays.wait_pushed(codec.IDS_CHANGED)
    begun = time.monotonic()
    while not stays.pushed(codec.IDS_CHANGED):
        assert time.monotonic() - begun < PATIENCE_S, "nobody was told"
        stays.beat("stays", group, [topic])
        assert stops.offset(codec.MAX_OFFSET, topic) >= 0
        time.sleep(1)
    assert stays.members(group) == ["stays"]
