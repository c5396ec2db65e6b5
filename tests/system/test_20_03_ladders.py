# SPDX-License-Identifier: Apache-2.0
"""`tidings ladder list` shows the presets; `ladder preview` shows what a window or a limit cuts."""
import json

import pytest
from server import run

pytestmark = pytest.mark.ours
HOUR = 3_600_000


def preview(*arguments):
    answer = run("ladder", "preview", *arguments, "--json")
    assert answer.returncode == 0, answer
    return json.loads(answer.stdout)


def test_list():
    rows = {row["name"]: row for row in json.loads(run("ladder", "list", "--json").stdout)}
    assert set(rows) >= {"article", "rocketmq", "wechat", "wechat-v1", "alipay", "standard-webhooks"}
    assert rows["article"]["deliveries"] == 9 and rows["article"]["in"] == "18h46m"
    assert rows["article"]["ladder"] == "1m 5m 10m 30m 1h 2h 5h 10h"
    assert rows["rocketmq"]["deliveries"] is None, "it has no end"
    for name, row in rows.items():
        made = preview(name, "--max", "64")
        assert row["deliveries"] is None or len(made) == row["deliveries"] - 1
    assert "18h46m" in run("ladder", "list").stdout


def test_a_window_cuts():
    rows = preview("article;window=3h")
    assert [row.get("cut") for row in rows] == [None] * 5 + ["window"] * 3
    assert rows[-1]["afterMs"] == 18 * HOUR + 46 * 60_000
    text = run("ladder", "preview", "article;window=3h").stdout
    assert "6 deliveries in 1h46m" in text and text.count("beyond the window") == 3


def test_a_limit_cuts():
    rows = preview("article;limit=2")
    assert [row.get("cut") for row in rows] == [None] * 2 + ["limit"] * 6
    text = run("ladder", "preview", "article;limit=2").stdout
    assert "3 deliveries in 6m" in text and "the limit cuts the ladder: 6 more" in text


def test_nothing_is_cut():
    assert all("cut" not in row for row in preview("article;window=24h"))
    assert "cuts" not in run("ladder", "preview", "article").stdout
    assert "it goes on" in run("ladder", "preview", "rocketmq").stdout
