# SPDX-License-Identifier: Apache-2.0
"""A lock that its owner does not renew is free after 60 s; one that is renewed stays."""
import time

import pytest

pytestmark = pytest.mark.slow


def test_lock_expires(client, topic, group):
    client.made_topic(topic)
    begun = time.monotonic()
    assert client.lock("c1", group, topic, [0, 1]) == [0, 1]
    renewed = begun
    while not client.lock("c2", group, topic, [0]):
        now = time.monotonic()
        assert now - begun < 100, "the lock never expired"
        if now - renewed > 20:
            assert client.lock("c1", group, topic, [1]) == [1]
            renewed = now
        time.sleep(0.5)
    assert time.monotonic() - begun >= 59
    assert client.lock("c2", group, topic, [1]) == []
    assert client.lock("c1", group, topic, [0, 1]) == [1]
