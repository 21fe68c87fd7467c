"""What is sealed at rest opens for its own record only."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.errors import Gone, IntegrityLost
from gateway.exchange.kernel.at_rest import Vault

VAULT = Vault(bytes(range(32)))


class Keys:
    """Data keys in memory."""

    def __init__(self) -> None:
        self.keys, self.retired = {}, set()

    def label(self, originator, package_id):
        return f"{originator}/{package_id}".encode().ljust(16)

    def sealing_key(self, originator, package_id):
        label = self.label(originator, package_id)
        if label in self.retired:
            raise Gone
        return self.keys.setdefault(label, os.urandom(32))

    def opening_key(self, label):
        if label not in self.keys:
            raise IntegrityLost
        return self.keys[label]

    def is_retired(self, label):
        return label in self.retired


def with_data_keys() -> Vault:
    return Vault(bytes(range(32)), Keys())


FACTS = {"title": "Zephyrine", "parts": [1, None, True]}


def lost(vault: Vault, sealed: bytes, *context: str) -> None:
    with pytest.raises(IntegrityLost) as caught:
        vault.open(sealed, *context)
    assert (caught.value.code, caught.value.step) == ("integrity-lost", "at-rest")


def test_it_opens_for_its_own_record():
    assert VAULT.open(VAULT.seal(FACTS, "package", "a"), "package", "a") == FACTS


@pytest.mark.parametrize(
    "context", [("package", "b"), ("decision", "a"), ("package",), ("package", "a", ""), ("packagea",)]
)
def test_it_opens_for_no_other_record(context):
    lost(VAULT, VAULT.seal(FACTS, "package", "a"), *context)


def test_packages_of_two_originators_share_no_key():
    vault = with_data_keys()
    sealed = vault.of("us", "a").seal(FACTS, "package", "a")
    vault.of("them", "a").seal(FACTS, "package", "a")
    with pytest.raises(IntegrityLost):
        vault.of("them", "a").open(sealed, "package", "a")
    lost(vault, sealed, "package", "a")


def test_what_is_purged_says_so_and_what_was_only_blanked_does_not():
    vault = with_data_keys()
    ours = vault.of("us", "a")
    sealed, digest = ours.seal(FACTS, "package", "a"), ours.digest("a guess")
    assert ours.digest("a guess") == digest != vault.of("us", "b").digest("a guess")
    with pytest.raises(IntegrityLost):
        ours.open(b"", "package", "a")
    vault.data_keys.retired.add(ours.label)
    assert ours.open(sealed, "package", "a") == FACTS, "who began to read before still reads"
    for forbidden in (
        lambda: ours.open(b"", "package", "a"),
        lambda: ours.seal(1, "x"),
        lambda: ours.digest("a guess"),
    ):
        with pytest.raises(Gone):
            forbidden()


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
