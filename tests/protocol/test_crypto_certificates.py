"""Certificate chains and revocation lists: each rule refuses on its own."""

from base64 import b64encode
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA384, SHA512

from attache.crypto import (
    Algorithm,
    Certificate,
    PrivateKey,
    certificates_of_pem,
    parse_certificate_text,
    verify_chain,
    verify_crl,
)
from attache.errors import MalformedInput
from certs_example.authority import CERTIFICATE_LIFETIME, Authority, _builder, _with_usage, as_value, make_authority
from tests.protocol.making import NOW, refused


def private(scalar):
    return PrivateKey(Algorithm.ES384, scalar.to_bytes(48, "big"))


KEY = private(12345)
OTHER = private(54321)


@pytest.fixture(scope="module")
def authority():
    return make_authority("agency", NOW)


@pytest.fixture(scope="module")
def leaf(authority):
    return as_value(authority.issue_signing("agency signing", KEY.public_key.native, NOW))


def check(chain, anchors, **changes):
    arguments = {"key": KEY.public_key, "at": NOW, **changes}
    verify_chain(tuple(chain), tuple(as_value(anchor.certificate) for anchor in anchors), **arguments)


def intermediate(above: Authority, name="agency office", *, is_ca=True, cert_sign=True, path_length=0) -> Authority:
    key = ec.generate_private_key(ec.SECP384R1())
    builder = _builder(name, key.public_key(), above.certificate.subject, NOW, CERTIFICATE_LIFETIME)
    builder._extensions = []
    constraints = x509.BasicConstraints(ca=is_ca, path_length=path_length if is_ca else None)
    builder = builder.add_extension(constraints, critical=True)
    builder = _with_usage(builder, key_cert_sign=cert_sign, digital_signature=True)
    return Authority(builder.sign(above.private_key, SHA384()), key)


def root(path_length) -> Authority:
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "deep CA")])
    builder = _builder("deep CA", key.public_key(), name, NOW, CERTIFICATE_LIFETIME)
    builder._extensions = []
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    return Authority(_with_usage(builder, key_cert_sign=True).sign(key, SHA384()), key)


def issue(above, extend=lambda it: it, *, key=None, hash_=None, usage=True):
    native = key or KEY.public_key.native
    builder = _builder("agency signing", native, above.certificate.subject, NOW, CERTIFICATE_LIFETIME)
    builder = _with_usage(builder, digital_signature=usage, crl_sign=not usage)
    return as_value(extend(builder).sign(above.private_key, hash_ or SHA384()))


def test_a_chain_holds(authority, leaf):
    check([leaf], [authority])
    check([leaf], [make_authority("another", NOW), authority])


def test_it_is_for_the_key(authority, leaf):
    with refused("certificate-rejected"):
        check([leaf], [authority], key=OTHER.public_key)


@pytest.mark.parametrize("at", [NOW - timedelta(days=2), NOW + timedelta(days=731)], ids=["before", "after"])
def test_it_was_valid_then(authority, leaf, at):
    with refused("certificate-rejected"):
        check([leaf], [authority], at=at)


def test_the_ca_was_valid_then(authority):
    outliving = issue(authority, lambda it: it)
    with refused("certificate-rejected"):
        check([outliving], [authority], at=NOW + timedelta(days=4000))


def test_no_anchor(leaf):
    with refused("certificate-rejected"):
        check([leaf], [])
    with refused("certificate-rejected"):
        check([leaf], [make_authority("agency", NOW)])


def test_empty_and_long_chains(authority, leaf):
    for chain in ([], [leaf] * 5):
        with refused("certificate-rejected"):
            check(chain, [authority])


def test_through_an_intermediate():
    above = root(1)
    office = intermediate(above)
    chain = [issue(office), as_value(office.certificate)]
    check(chain, [above])
    with refused("certificate-rejected"):
        check(chain[:1], [above])
    with refused("certificate-rejected"):
        check(chain[::-1], [above])


def test_a_leaf_that_the_next_did_not_issue():
    """The intermediate is the pinned CA's; the leaf is an impostor's who took its name."""
    above = root(1)
    office, impostor = intermediate(above), intermediate(root(1))
    with refused("certificate-rejected"):
        check([issue(impostor), as_value(office.certificate)], [above])


def test_the_ca_allows_no_intermediate():
    above = root(0)
    office = intermediate(above)
    with refused("certificate-rejected"):
        check([issue(office), as_value(office.certificate)], [above])


@pytest.mark.parametrize("changes", [{"is_ca": False}, {"cert_sign": False}], ids=["not-a-ca", "may-not-sign"])
def test_an_issuer_that_is_no_ca(changes):
    above = root(1)
    office = intermediate(above, **changes)
    with refused("certificate-rejected"):
        check([issue(office), as_value(office.certificate)], [above])


def test_the_anchor_itself_is_no_leaf(authority):
    with refused("certificate-rejected"):
        check([as_value(authority.certificate)], [authority])


def test_not_for_signing(authority):
    with refused("certificate-rejected"):
        check([issue(authority, usage=False)], [authority])


def test_a_critical_extension_that_is_not_understood(authority):
    def extend(builder):
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
        return builder.add_extension(unknown, critical=True)

    with refused("certificate-rejected"):
        check([issue(authority, extend)], [authority])


def test_name_constraints_are_not_understood_and_so_refused(authority):
    def extend(builder):
        constraint = x509.NameConstraints([x509.DNSName("agency.example")], None)
        return builder.add_extension(constraint, critical=True)

    with refused("certificate-rejected"):
        check([issue(authority, extend)], [authority])


def test_other_hashes_and_curves(authority):
    with refused("certificate-rejected"):
        check([issue(authority, hash_=SHA512())], [authority])
    p256 = ec.generate_private_key(ec.SECP256R1()).public_key()
    with refused("certificate-rejected"):
        check([issue(authority, key=p256)], [authority])
    with refused("certificate-rejected"):
        check([issue(authority, key=ed25519.Ed25519PrivateKey.generate().public_key())], [authority])


def test_a_signature_algorithm_that_nobody_knows(authority, leaf):
    """Its name is read before the signature is: an arc that no standard gives is a refusal, and no error."""
    ecdsa_with_sha384, unheard_of = bytes.fromhex("06082a8648ce3d040303"), bytes.fromhex("0608aa8648ce3d040303")
    assert leaf.der.count(ecdsa_with_sha384) == 2
    strange = parse_certificate_text(b64encode(leaf.der.replace(ecdsa_with_sha384, unheard_of)).decode())
    with refused("certificate-rejected"):
        check([strange], [authority])


def test_same_name_another_key(authority, leaf):
    """An impostor CA of the same name."""
    impostor = make_authority("agency", NOW)
    with refused("certificate-rejected"):
        check([as_value(impostor.issue_signing("agency signing", KEY.public_key.native, NOW))], [authority])


def test_revoked(authority, leaf):
    with refused("certificate-revoked"):
        check([leaf], [authority], revoked=lambda certificate: certificate == leaf)


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"0" * 200])
def test_bytes_that_are_no_certificate(der):
    with pytest.raises(MalformedInput):
        Certificate(der)
    with pytest.raises(MalformedInput):
        certificates_of_pem(der)


def test_a_certificate_has_one_spelling_as_text(leaf):
    assert parse_certificate_text(leaf.text) == leaf
    unpadded = leaf.text.rstrip("=")
    for wrong in (None, 5, b"", "", "!", leaf.text + "\n", leaf.text + "====", unpadded[:-1] + "=" * 9, leaf.der.hex()):
        with pytest.raises(MalformedInput):
            parse_certificate_text(wrong)


def test_text_with_bits_after_the_last_byte(authority):
    """Of a length that leaves bits over, another last character spells the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for _ in range(20):
        text = as_value(authority.issue_signing("agency signing", KEY.public_key.native, NOW)).text
        if text.endswith("="):
            break
    head = text.rstrip("=")
    other = head[:-1] + alphabet[alphabet.index(head[-1]) + 1] + "=" * (len(text) - len(head))
    with pytest.raises(MalformedInput):
        parse_certificate_text(other)


def test_pem_and_thumbprints(authority, leaf):
    assert certificates_of_pem(authority.pem) == (as_value(authority.certificate),)
    assert len(leaf.thumbprint) == 43
    assert bytes.fromhex(leaf.sha256).hex() == leaf.sha256


# --- revocation lists


def test_crl(authority, leaf):
    ca = as_value(authority.certificate)
    listed = verify_crl(authority.revoke([leaf.native], NOW), ca, now=NOW)
    assert listed.is_revoked(leaf)
    with refused("certificate-revoked"):
        check([leaf], [authority], revoked=listed.is_revoked)
    empty = verify_crl(authority.revoke([], NOW), ca, now=NOW)
    assert not empty.is_revoked(leaf)
    check([leaf], [authority], revoked=empty.is_revoked)


def test_crl_says_nothing_of_another_cas_certificates(authority, leaf):
    other = make_authority("other", NOW)
    same_serial = other.revoke([leaf.native], NOW)
    assert not verify_crl(same_serial, as_value(other.certificate), now=NOW).is_revoked(leaf)


def test_crl_by_another(authority):
    impostor = make_authority("agency", NOW)
    with refused("certificate-rejected"):
        verify_crl(impostor.revoke([], NOW), as_value(authority.certificate), now=NOW)


def test_stale_crl_refuses_everybody(authority):
    raw, ca = authority.revoke([], NOW), as_value(authority.certificate)
    for now in (NOW + timedelta(days=31), NOW - timedelta(days=2)):
        with refused("stale"):
            verify_crl(raw, ca, now=now)


@pytest.mark.parametrize("raw", [b"", b"-----BEGIN X509 CRL-----\n", b"\x30\x00", b"0" * 100])
def test_bytes_that_are_no_crl(authority, raw):
    with pytest.raises(MalformedInput):
        verify_crl(raw, as_value(authority.certificate), now=NOW)
