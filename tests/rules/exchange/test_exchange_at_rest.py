"""What is sealed at rest opens for its own record only."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.errors import IntegrityLost
from attache.package import PartSealer
from gateway.exchange.at_rest import Vault

VAULT = Vault(bytes(range(32)))
FACTS = {"title": "Zephyrine", "parts": [1, None, True]}


def sealed_part():
    sealer = PartSealer(random=os.urandom)
    sealer.update(b"content")
    return sealer.finish()[1]


def lost(vault: Vault, sealed: bytes, *context: str) -> None:
    with pytest.raises(IntegrityLost) as caught:
        vault.open(sealed, *context)
    assert (caught.value.code, caught.value.step) == ("integrity-lost", "at-rest")


def test_it_opens_for_its_own_record():
    assert VAULT.open(VAULT.seal(FACTS, "package", "a"), "package", "a") == FACTS
    part = sealed_part()
    assert VAULT.open_part(VAULT.seal_part(part, "a", 0), "a", 0) == part


@pytest.mark.parametrize(
    "context", [("package", "b"), ("decision", "a"), ("package",), ("package", "a", ""), ("packagea",)]
)
def test_it_opens_for_no_other_record(context):
    lost(VAULT, VAULT.seal(FACTS, "package", "a"), *context)


def test_a_part_cannot_be_moved():
    sealed = VAULT.seal_part(sealed_part(), "a", 1)
    for package_id, number in (("b", 1), ("a", 11), ("a", 0)):
        with pytest.raises(IntegrityLost):
            VAULT.open_part(sealed, package_id, number)


def test_contexts_cannot_be_shifted_into_each_other():
    lost(VAULT, VAULT.seal(FACTS, "part", "a1", "1"), "part", "a", "11")


def test_another_key_opens_nothing():
    lost(Vault(bytes(32)), VAULT.seal(FACTS, "package", "a"), "package", "a")


@given(st.binary(max_size=100))
def test_any_bytes_are_lost_integrity(raw):
    lost(VAULT, raw, "package", "a")


@given(st.data())
def test_any_changed_byte_is_lost_integrity(data):
    sealed = bytearray(VAULT.seal(FACTS, "package", "a"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    lost(VAULT, bytes(sealed), "package", "a")


def test_the_key_is_not_in_the_repr_and_the_plaintext_not_in_the_seal():
    assert str(VAULT.storage_key) not in repr(VAULT)
    assert b"Zephyrine" not in VAULT.seal(FACTS, "package", "a")
