import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.sealed import MASTER_SIZE, NONCE_SIZE, derive, seal, unseal

MASTER, NONCE = bytes(range(MASTER_SIZE)), bytes(NONCE_SIZE)


@given(st.binary(max_size=300), st.binary(max_size=30), st.binary(min_size=NONCE_SIZE, max_size=NONCE_SIZE))
def test_a_secret_comes_back_in_its_own_context(plain: bytes, context: bytes, nonce: bytes) -> None:
    assert unseal(MASTER, seal(MASTER, plain, context, nonce), context) == plain


def test_a_secret_does_not_come_back_in_another_context_or_under_another_key() -> None:
    sealed = seal(MASTER, b"secret", b"domain example.com", NONCE)
    assert unseal(MASTER, sealed, b"domain example.org") is None
    assert unseal(bytes(MASTER_SIZE), sealed, b"domain example.com") is None
    assert b"secret" not in sealed


@given(st.data())
def test_no_changed_or_shortened_octets_are_taken_for_a_secret(data: st.DataObject) -> None:
    sealed = seal(MASTER, b"secret", b"here", NONCE)
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:at] + bytes([sealed[at] ^ data.draw(st.integers(1, 255))]) + sealed[at + 1 :]
    assert unseal(MASTER, changed, b"here") is None
    assert unseal(MASTER, sealed[:at], b"here") is None


@given(st.binary(max_size=80))
def test_garbage_is_no_secret(garbage: bytes) -> None:
    assert unseal(MASTER, garbage, b"here") is None


def test_each_purpose_has_its_own_key_and_always_the_same() -> None:
    keys = {derive(MASTER, purpose) for purpose in ("return path", "credentials", "seal")} | {MASTER}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
    assert derive(MASTER, "return path").hex() == derive(MASTER, "return path").hex()


def test_sealed_secrets_of_the_first_release_can_be_read_for_ever() -> None:
    sealed = bytes.fromhex("016465666768696a6b6c6d6e6f9b9532478af07a3314038109d70eaab2ad967375d3d2092879dc548a93")
    assert unseal(MASTER, sealed, b"domain example.com") == b"a private key"


def test_short_keys_and_nonces_are_our_own_bugs() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        derive(b"password", "seal")
    with pytest.raises(ValueError, match="12 bytes"):
        seal(MASTER, b"secret", b"", b"short")
