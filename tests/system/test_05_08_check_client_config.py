# SPDX-License-Identifier: Apache-2.0
"""CHECK_CLIENT_CONFIG (46): tag subscriptions are fine, what cannot be filtered is refused before the consumer starts."""
import json

import codec
import pytest

pytestmark = pytest.mark.ours


def ask(client, topic, group, expression, kind):
    data = {**codec.subscription(topic, expression), "expressionType": kind}
    body = {"clientId": "c1", "group": group, "subscriptionData": data}
    return client.call(46, {}, json.dumps(body).encode())


def test_tags(client, topic, group):
    assert ask(client, topic, group, "A || B", "TAG").code == codec.OK


def test_sql(client, topic, group):
    assert ask(client, topic, group, "a > 1", "SQL92").code == codec.OK
