# SPDX-License-Identifier: Apache-2.0
"""A level above the table means its last."""
import time

import pytest

FLAGS = ("--message-delay-level", "200ms 700ms")
pytestmark = pytest.mark.ours


@pytest.mark.parametrize("level", [2, 3, 18, 2147483647])
def test_clamped(client, topic, level):
    begun = time.time()
    client.sent(topic, props={"DELAY": str(level)})
    client.next(topic)
    assert time.time() - begun >= 0.698
