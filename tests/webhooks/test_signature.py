"""Standard Webhooks: what we sign, its receivers' libraries accept."""

import base64
import hashlib
import hmac

import pytest

from goodstanding.webhooks.signature import Locked, Secret, key_of, packed, rotated, signed, unpacked, written

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_example_of_the_standard() -> None:
    """From the specification's libraries: msg_p5jXN8AQM9LWM0D4loKWxJek at 1614265330."""
    found = signed([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_live_secrets_sign_side_by_side() -> None:
    other = written(bytes(range(32)))
    first, second = signed([other, SECRET], "id", 7, b"body")["webhook-signature"].split()
    wanted = hmac.digest(bytes(range(32)), b"id.7.body", hashlib.sha256)
    assert first == "v1," + base64.b64encode(wanted).decode()
    assert second == signed([SECRET], "id", 7, b"body")["webhook-signature"]


def test_after_a_rotation_the_old_secret_signs_until_its_time() -> None:
    locked = rotated(Locked((Secret("old"),)), "new", 100.0)
    assert locked.live(99.0) == ["new", "old"]
    assert locked.live(100.0) == ["new"]


def test_a_second_rotation_ends_the_first_secret() -> None:
    locked = rotated(rotated(Locked((Secret("first"),)), "second", 100.0), "third", 200.0)
    assert locked.live(50.0) == ["third", "second"]


def test_what_is_sealed_comes_back() -> None:
    locked = Locked((Secret(SECRET), Secret("old", 5.0)), {"X-Token": "t"})
    assert unpacked(packed(locked)) == locked


@pytest.mark.parametrize(
    "text", ["whsec_", "whsec_abc", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "A" * 200, "whsec_ä"]
)
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        key_of(text)
