# SPDX-License-Identifier: Apache-2.0
"""`tidings ladder preview` shows when a ladder delivers; the article's takes 18 h 46 min and nine deliveries."""
import json

import pytest
from server import run

pytestmark = pytest.mark.ours
MINUTE, HOUR = 60_000, 3_600_000


def delays(text, *more):
    answer = run("ladder", "preview", text, "--json", *more)
    assert answer.returncode == 0, answer
    return [row["delayMs"] for row in json.loads(answer.stdout)]


def test_article():
    expected = [MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 5 * HOUR, 10 * HOUR]
    assert delays("article") == expected == delays("1m 5m 10m 30m 1h 2h 5h 10h")
    rows = json.loads(run("ladder", "preview", "article", "--json").stdout)
    assert rows[-1]["afterMs"] == 18 * HOUR + 46 * MINUTE
    assert [row["delivery"] for row in rows] == list(range(2, 10))


def test_for_people():
    text = run("ladder", "preview", "article").stdout
    assert "18h46m" in text and "10h" in text


def test_rocketmq():
    assert delays("rocketmq", "--max", "16") == [
        10_000, 30_000, *(minutes * MINUTE for minutes in range(1, 11)), 20 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR]


def test_milliseconds():
    assert delays("250ms 1s 1m30s") == [250, 1000, 90_000]


@pytest.mark.parametrize("text", ["", "1m 5x", "soon", "-1s", "1s " * 5000])
def test_mistakes(text):
    answer = run("ladder", "preview", text)
    assert answer.returncode == 2 and answer.stderr
