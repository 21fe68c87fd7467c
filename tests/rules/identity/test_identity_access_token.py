import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.errors import AttacheError, NotAuthentic
from attache.vocabulary import Post
from certs_example.tokens import IssuerKey, issuer_jwks, mint_token, new_issuer_key
from gateway.identity.access_token import bearer_token, pseudonym_of, session_of, verify_access_token
from gateway.identity.access_tokens import AccessTokens
from gateway.identity.caller import Caller, Role
from gateway.identity.issuer_keys import parse_jwks

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ISSUER = "https://login.example"
AUDIENCE = "https://gateway.example"
THUMBPRINT = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"
LEEWAY = timedelta(seconds=60)
EDDSA = new_issuer_key("k-eddsa")
ES384 = new_issuer_key("k-es384", "ES384")
KEYS = parse_jwks(issuer_jwks([EDDSA, ES384]))


def mint(key: IssuerKey = EDDSA, **claims: Any) -> str:
    return mint_token(
        key,
        issuer=ISSUER,
        audience=AUDIENCE,
        subject="analyst-7",
        roles=["analyst"],
        now=NOW,
        claims=claims,
    )


def verify(token: str, *, thumbprint: str | None = None, now: datetime = NOW) -> Caller:
    return verify_access_token(
        token,
        keys=KEYS,
        issuer=ISSUER,
        audience=AUDIENCE,
        now=now,
        certificate_thumbprint=thumbprint,
        leeway=LEEWAY,
        pseudonym_key=b"pseudonym key",
    )


def refused(token: str, code: str, step: str, **how: Any) -> None:
    with pytest.raises(NotAuthentic) as caught:
        verify(token, **how)
    assert (caught.value.code, caught.value.step) == (code, step)


def segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def sign(header: bytes, payload: bytes) -> str:
    """A token over any bytes at all, with a signature of the issuer."""
    signed = f"{segment(header)}.{segment(payload)}"
    return f"{signed}.{segment(EDDSA.private.sign(signed.encode()))}"


HEADER = {"alg": "EdDSA", "kid": "k-eddsa", "typ": "at+jwt"}


def header(**members: Any) -> bytes:
    return json.dumps({**HEADER, **members}).encode()


def payload() -> bytes:
    return base64.urlsafe_b64decode(mint().split(".")[1] + "==")


@pytest.mark.parametrize("key", [EDDSA, ES384], ids=lambda key: key.algorithm)
def test_a_good_token_names_its_caller(key):
    token = mint(key, roles=["approver", "submitter"], posts=["sydney"], scope="attache:dry-run openid", jti="1")
    assert verify(token) == Caller(
        subject="analyst-7",
        client_id="attache-demo",
        pseudonym=pseudonym_of("analyst-7", issuer=ISSUER, key=b"pseudonym key"),
        roles=frozenset({Role.APPROVER, Role.SUBMITTER}),
        expires_at=NOW + timedelta(minutes=15),
        scopes=frozenset({"attache:dry-run", "openid"}),
        posts=frozenset({Post.SYDNEY}),
        session=session_of("1", issuer=ISSUER),
    )


def test_a_session_is_of_one_token_and_one_issuer():
    found = {
        session_of("1", issuer=ISSUER),
        session_of("2", issuer=ISSUER),
        session_of("1", issuer="https://other.example"),
    }
    assert len(found) == 3
    assert all(len(session) == 64 for session in found)


def test_a_pseudonym_needs_the_key_and_tells_issuers_apart():
    found = {
        pseudonym_of("a", issuer=ISSUER, key=b"1"),
        pseudonym_of("a", issuer=ISSUER, key=b"2"),
        pseudonym_of("a", issuer="https://other.example", key=b"1"),
        pseudonym_of("b", issuer=ISSUER, key=b"1"),
    }
    assert len(found) == 4


def test_several_audiences_with_ours_among_them():
    assert verify(mint(aud=["https://other.example", AUDIENCE])).subject == "analyst-7"


# Steps 1 to 3: attacks on the token's form, key and signature


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b", "a.b.c.d", "a b.c.d", mint() + "=", mint() + "\n", "é.b.c", "\ud800.b.c", "eyJh.." + "x"],
)
def test_not_a_compact_jws(token):
    refused(token, "token-invalid", "1")


def test_a_token_over_8_kib():
    refused(mint(padding="x" * 8192), "token-invalid", "1")


def test_no_signature_at_all():
    unsigned = f"{segment(header(alg='none'))}.{segment(payload())}."
    refused(unsigned, "token-invalid", "1")


def test_algorithm_none_with_something_as_signature():
    refused(f"{segment(header(alg='none'))}.{segment(payload())}.AAAA", "token-invalid", "2")


def test_hmac_under_the_public_key():
    signed = f"{segment(header(alg='HS256'))}.{segment(payload())}"
    public = base64.urlsafe_b64decode(EDDSA.jwk()["x"] + "==")
    signature = hmac.new(public, signed.encode(), hashlib.sha256).digest()
    refused(f"{signed}.{segment(signature)}", "token-invalid", "2")


@pytest.mark.parametrize(
    "alg", ["ES256", "ES512", "RS256", "PS384", "HS384", "Ed25519", "none", "eddsa", None, 1, ["EdDSA"]]
)
def test_an_algorithm_that_is_not_ours_is_named_as_the_reason(alg):
    with pytest.raises(NotAuthentic, match="alg is neither ES384 nor EdDSA") as caught:
        verify(sign(header(alg=alg), payload()))
    assert (caught.value.code, caught.value.step) == ("token-invalid", "2")


def test_the_key_of_the_other_algorithm():
    refused(sign(header(kid="k-es384"), payload()), "token-invalid", "2")


def test_an_unknown_key():
    refused(sign(header(kid="k-none"), payload()), "token-invalid", "2")


def test_a_key_that_the_token_brings_along():
    forger = new_issuer_key("k-eddsa")
    token = jwt.encode(json.loads(payload()), forger.private, "EdDSA", {**HEADER, "jwk": forger.jwk()})
    refused(token, "token-invalid", "3")


@pytest.mark.parametrize("typ", ["JWT", "id+jwt", "", None, 7, "at+jwt;x"])
def test_another_type_of_token(typ):
    refused(sign(header(typ=typ), payload()), "token-invalid", "2")


@pytest.mark.parametrize("typ", ["AT+JWT", "application/at+jwt"])
def test_the_type_in_its_other_spellings(typ):
    assert verify(sign(header(typ=typ), payload())).subject == "analyst-7"


@pytest.mark.parametrize("members", [{"crit": ["exp"]}, {"b64": True}, {"kid": 1}, {"kid": None}, {"alg": ["EdDSA"]}])
def test_a_header_that_is_not_understood(members):
    refused(sign(header(**members), payload()), "token-invalid", "2")


@pytest.mark.parametrize("raw", [b"[]", b"{", b"\xff", header()[:-1] + b', "alg": "EdDSA"}', b'{"a":' * 40])
def test_a_header_that_is_not_strict_json(raw):
    refused(sign(raw, payload()), "token-invalid", "2")


@pytest.mark.parametrize("raw", [b"[]", b"{", b"\xff", b'{"sub":"a","sub":"b"}', b'{"exp":1.5}', b'{"sub":"\\ud800"}'])
def test_a_payload_that_is_not_strict_json_though_signed(raw):
    refused(sign(header(), raw), "token-invalid", "3")


def test_base64_with_surplus_bits():
    head, body, signature = mint().split(".")
    spelled = signature[:-1] + chr(ord(signature[-1]) + 1)
    assert base64.urlsafe_b64decode(spelled + "==") == base64.urlsafe_b64decode(signature + "==")
    refused(f"{head}.{body}.{spelled}", "token-invalid", "3")


@given(st.data())
def test_any_changed_byte_is_refused(data):
    token = bytearray(mint().encode())
    at = data.draw(st.integers(0, len(token) - 1))
    token[at] ^= data.draw(st.integers(1, 127))
    with pytest.raises(NotAuthentic):
        verify(token.decode("latin-1"))


@given(st.text() | st.tuples(st.binary(), st.binary(), st.binary()).map(lambda parts: ".".join(map(segment, parts))))
def test_any_text_is_refused_as_a_problem(token):
    with pytest.raises(NotAuthentic):
        verify(token)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["typ", "alg", "kid", "crit", "b64"]), JSON)
def test_any_header_member_gives_a_caller_or_a_problem(name, value):
    try:
        verify(sign(header(**{name: value}), payload()))
    except AttacheError as error:
        assert isinstance(error, NotAuthentic)


@given(
    st.sampled_from(
        ["iss", "aud", "sub", "client_id", "jti", "exp", "nbf", "iat", "cnf", "roles", "posts", "scope", "other"]
    ),
    JSON,
)
def test_any_claim_gives_a_caller_or_a_problem(name, value):
    changed = {**json.loads(payload()), name: value}
    try:
        verify(sign(header(), json.dumps(changed).encode()))
    except AttacheError as error:
        assert isinstance(error, NotAuthentic)


# Step 4: another issuer, audience, time


@pytest.mark.parametrize("iss", ["https://other.example", ISSUER + "/", None, [ISSUER]])
def test_another_issuer(iss):
    refused(mint(iss=iss), "token-invalid", "4")


@pytest.mark.parametrize("aud", ["https://other.example", AUDIENCE + "/x", [], [[AUDIENCE]], {AUDIENCE: 1}, None, 7])
def test_another_audience(aud):
    refused(mint(aud=aud), "token-audience", "4")


def test_expiry_to_the_second():
    token = mint()
    last = NOW + timedelta(minutes=15) + LEEWAY
    assert verify(token, now=last - timedelta(seconds=1)).subject == "analyst-7"
    refused(token, "token-expired", "4", now=last)


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_not_valid_yet_to_the_second(name):
    seconds = int((NOW + LEEWAY).timestamp())
    assert verify(mint(**{name: seconds})).subject == "analyst-7"
    refused(mint(**{name: seconds + 1}), "token-invalid", "4")


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", [None, "1800000000", True, -1, 2**53 - 1])
def test_what_is_not_an_instant(name, value):
    refused(mint(**{name: value}), "token-invalid", "4")


# Step 5: bound to another certificate


def test_bound_to_the_certificate_of_the_connection():
    token = mint(cnf={"x5t#S256": THUMBPRINT})
    assert verify(token, thumbprint=THUMBPRINT).thumbprint == THUMBPRINT


def test_an_unbound_token_works_over_any_connection():
    assert verify(mint(), thumbprint=THUMBPRINT).thumbprint is None


@pytest.mark.parametrize("presented", [None, "B" + THUMBPRINT[1:], ""])
def test_bound_to_another_certificate_than_the_connections(presented):
    refused(mint(cnf={"x5t#S256": THUMBPRINT}), "token-not-bound", "5", thumbprint=presented)


@pytest.mark.parametrize("cnf", [{}, {"jkt": THUMBPRINT}, {"x5t#S256": 7}, THUMBPRINT, []])
def test_a_confirmation_that_cannot_be_checked(cnf):
    refused(mint(cnf=cnf), "token-not-bound", "5", thumbprint=THUMBPRINT)


def test_a_null_confirmation_does_not_unbind():
    claims = {**json.loads(payload()), "cnf": None}
    refused(sign(header(), json.dumps(claims).encode()), "token-not-bound", "5", thumbprint=THUMBPRINT)


# Step 6: claims about the caller


@pytest.mark.parametrize("name", ["sub", "client_id", "jti"])
@pytest.mark.parametrize("value", [None, "", 7, "x" * 257, "line\nbreak"])
def test_a_claim_that_has_to_be_a_text(name, value):
    refused(mint(**{name: value}), "token-invalid", "6")


@pytest.mark.parametrize("roles", [["analyst", "root"], ["Analyst"], "analyst", {"analyst": 1}, [["analyst"]]])
def test_an_unknown_role(roles):
    refused(mint(roles=roles), "token-invalid", "6")


@pytest.mark.parametrize("posts", [["sydney", "atlantis"], "sydney", [7]])
def test_an_unknown_post(posts):
    refused(mint(posts=posts), "token-invalid", "6")


@pytest.mark.parametrize("scope", [7, ["a"], "a  b", 'a"b', " ".join(["a"] * 65), "x" * 129])
def test_a_scope_that_is_no_list(scope):
    refused(mint(scope=scope), "token-invalid", "6")


def test_no_roles_are_no_roles():
    assert verify(mint(roles=None)).roles == frozenset()


# The Authorization header


@pytest.mark.parametrize("given_header", ["Bearer abc", "bearer abc", "BEARER abc"])
def test_a_bearer_token(given_header):
    assert bearer_token([given_header]) == "abc"


@pytest.mark.parametrize(
    "headers", [[], ["Bearer"], ["Bearer "], ["Basic abc"], ["abc"], [""], ["Bearer a", "Bearer a"]]
)
def test_no_bearer_token(headers):
    with pytest.raises(NotAuthentic) as caught:
        bearer_token(headers)
    assert caught.value.code == "not-authenticated"


# The memory of verified tokens


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def access_tokens(clock: Clock, capacity: int = 2) -> AccessTokens:
    return AccessTokens(KEYS, ISSUER, AUDIENCE, LEEWAY, b"pseudonym key", clock, capacity)


def test_a_remembered_token_gives_the_same_caller():
    tokens, token = access_tokens(Clock()), mint()
    assert tokens.caller_of(token, None) is tokens.caller_of(token, None)


def test_a_remembered_token_expires():
    clock = Clock()
    tokens, token = access_tokens(clock), mint()
    tokens.caller_of(token, None)
    clock.now += timedelta(minutes=16)
    for _ in range(2):
        with pytest.raises(NotAuthentic) as caught:
            tokens.caller_of(token, None)
        assert caught.value.code == "token-expired"


def test_a_remembered_token_is_not_good_for_another_certificate():
    tokens, token = access_tokens(Clock()), mint(cnf={"x5t#S256": THUMBPRINT})
    tokens.caller_of(token, THUMBPRINT)
    with pytest.raises(NotAuthentic) as caught:
        tokens.caller_of(token, "B" + THUMBPRINT[1:])
    assert caught.value.code == "token-not-bound"


def test_the_memory_is_bounded_and_forgets_the_least_used():
    tokens = access_tokens(Clock())
    first, second, third = mint(), mint(), mint()
    callers = [tokens.caller_of(token, None) for token in (first, second)]
    assert tokens.caller_of(first, None) is callers[0]
    tokens.caller_of(third, None)
    assert tokens.caller_of(first, None) is callers[0]
    assert tokens.caller_of(second, None) is not callers[1]


def test_a_token_and_a_keys_memory_do_not_show_it():
    tokens, token = access_tokens(Clock()), mint()
    tokens.caller_of(token, None)
    assert token not in repr(tokens)
