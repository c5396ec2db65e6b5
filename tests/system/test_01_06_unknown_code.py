# SPDX-License-Identifier: Apache-2.0
"""A code that is not served is answered 3, and the connection lives on."""
import codec
import pytest


@pytest.mark.parametrize("code", [0, 9, 99, 4711, 9999, 32767])
def test_unknown_code(client, code):
    answer = client.call(code, {"any": "field"}, b"any body")
    assert answer.code == codec.NOT_SUPPORTED
    assert "not supported" in answer.remark and str(code) in answer.remark
    assert client.beat("lives on").code == codec.OK


def test_codes_that_only_a_server_sends(client):
    assert client.call(codec.IDS_CHANGED, {"consumerGroup": "g"}).code == codec.NOT_SUPPORTED


def test_large_and_negative_codes(client):
    for code in (200050, 2 ** 31 - 1, -1, -2 ** 31):
        assert client.call(code).code == codec.NOT_SUPPORTED
