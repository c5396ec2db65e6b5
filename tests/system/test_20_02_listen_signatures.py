# SPDX-License-Identifier: Apache-2.0
"""`tidings listen --secret` compares signatures of Standard Webhooks; what does not fit is refused with 401."""
import pytest
from listener import Listener, now_s, signature

pytestmark = pytest.mark.ours
FIRST = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECOND = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
SEED = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
# Published vectors: secret, id, timestamp, body, signature.
VECTORS = [
    (FIRST, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}',
     "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    (SECOND, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553, b'{"email":"test@example.com","username":"test_user"}',
     "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="),
    *((key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}',
       "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==")
      for key in (SEED, PUBLIC)),
]


def post(listener, message_id, timestamp, body, value):
    return listener.post(message_id, body, webhook_timestamp=str(timestamp), webhook_signature=value)[0]


@pytest.mark.parametrize("secret, message_id, timestamp, body, value", VECTORS)
def test_published_vectors(secret, message_id, timestamp, body, value):
    assert not value.startswith("v1,") or signature(secret, message_id, timestamp, body) == value
    with Listener("--secret", secret, "--tolerance", "36500d") as listener:
        assert post(listener, message_id, timestamp, body, value) == 200
        assert post(listener, message_id, timestamp, body + b" ", value) == 401
        assert post(listener, message_id, timestamp + 1, body, value) == 401
        assert post(listener, message_id + "x", timestamp, body, value) == 401
        assert listener.end() == 0
        assert [row["signature"] for row in listener.lines] == ["good", "bad", "bad", "bad"]
        assert all(row["why"] for row in listener.lines[1:])


@pytest.mark.parametrize("secret, message_id, timestamp, body, value", VECTORS[:1])
def test_a_vector_of_long_ago_is_out_of_tolerance(secret, message_id, timestamp, body, value):
    with Listener("--secret", secret) as listener:
        assert post(listener, message_id, timestamp, body, value) == 401


def test_lists_of_signatures():
    body, now = b'{"test": 2432232314}', now_s()
    good = signature(FIRST, "msg", now, body)
    wrong = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
    with Listener("--secret", FIRST) as listener:
        assert post(listener, "msg", now, body, f"{wrong} v2,xyz {good}") == 200
        assert post(listener, "msg", now, body, wrong) == 401
        assert post(listener, "msg", now, body, "v1,") == 401
        assert post(listener, "msg", now, body, good.replace("v1,", "v2,")) == 401
        assert post(listener, "msg", now, body, "") == 401
        assert post(listener, "msg", "soon", body, good) == 401
        assert listener.post("msg", body)[0] == 401


@pytest.mark.parametrize("off_s, status", [(-330, 401), (-270, 200), (270, 200), (330, 401)])
def test_tolerance(off_s, status):
    at = now_s() + off_s
    with Listener("--secret", FIRST) as listener:
        assert post(listener, "msg", at, b"x", signature(FIRST, "msg", at, b"x")) == status


def test_several_secrets():
    with Listener("--secret", FIRST, "--secret", SECOND) as listener:
        for secret in (FIRST, SECOND):
            now = now_s()
            assert post(listener, "msg", now, b"x", signature(secret, "msg", now, b"x")) == 200


def test_refused_ones_count_for_nothing():
    now = now_s()
    with Listener("--secret", FIRST, "--fail", 1) as listener:
        assert post(listener, "msg", now, b"x", "v1,AAAA") == 401
        good = signature(FIRST, "msg", now, b"x")
        assert [post(listener, "msg", now, b"x", good) for _ in range(2)] == [500, 200]
        assert listener.end() == 0
        assert listener.sum["refused"] == 1 and listener.sum["failed"] == 1 and listener.sum["taken"] == 1


def test_without_a_secret_nothing_is_compared():
    with Listener() as listener:
        assert post(listener, "msg", 1, b"x", "v1,AAAA") == 200
        assert listener.end() == 0
        assert listener.lines[0]["signature"] == "not compared"
