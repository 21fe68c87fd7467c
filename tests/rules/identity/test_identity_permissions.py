import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.errors import Misconfigured, NotPermitted
from certs_example.tokens import issuer_jwks, new_issuer_key
from gateway.identity.caller import Caller, Role
from gateway.identity.issuer_keys import parse_jwks
from gateway.identity.permissions import PERMITTED_ROLES, Action, verify_permitted


def caller(*roles: Role, scopes: tuple[str, ...] = ()) -> Caller:
    return Caller("s", "c", "p", frozenset(roles), datetime(2026, 11, 22, tzinfo=UTC), scopes=frozenset(scopes))


@pytest.mark.parametrize(("action", "role"), list(itertools.product(Action, Role)))
def test_every_role_and_action_is_decided(action, role):
    if role in PERMITTED_ROLES[action]:
        assert verify_permitted(caller(role), action) == caller(role)
    else:
        with pytest.raises(NotPermitted):
            verify_permitted(caller(role), action)


@pytest.mark.parametrize("action", Action)
def test_without_a_role_nothing_is_permitted(action):
    with pytest.raises(NotPermitted):
        verify_permitted(caller(), action)


def test_the_auditor_and_the_operator_never_touch_content():
    content = {Action.OPEN_CONTENT, Action.SUBMIT_PACKAGE, Action.APPROVE_RELEASE}
    for action in content:
        with pytest.raises(NotPermitted):
            verify_permitted(caller(Role.AUDITOR, Role.OPERATOR, Role.PARTNER_ADMIN), action)


def test_scopes_of_ours_narrow():
    narrowed = caller(Role.ANALYST, scopes=("attache:dry-run",))
    assert verify_permitted(narrowed, Action.DRY_RUN) == narrowed
    with pytest.raises(NotPermitted):
        verify_permitted(narrowed, Action.SUBMIT_PACKAGE)


def test_scopes_of_ours_never_widen():
    with pytest.raises(NotPermitted):
        verify_permitted(caller(Role.AUDITOR, scopes=("attache:open-content",)), Action.OPEN_CONTENT)


def test_other_scopes_do_not_narrow():
    anybody = caller(Role.ANALYST, scopes=("openid", "profile"))
    assert verify_permitted(anybody, Action.DRY_RUN) == anybody


# The issuer's keys

JWK = new_issuer_key("k1").jwk()
EC_JWK = new_issuer_key("k2", "ES384").jwk()


def jwks(*keys: Any) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def test_keys_by_id():
    keys = parse_jwks(issuer_jwks([new_issuer_key("a"), new_issuer_key("b", "ES384")]))
    assert {key_id: key.algorithm_name for key_id, key in keys.by_id.items()} == {"a": "EdDSA", "b": "ES384"}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"{", "not usable"),
        (b"[]", "not usable"),
        (b'{"keys":[],"keys":[]}', "not usable"),
        (b"{}", "1 to 32"),
        (jwks(), "1 to 32"),
        (jwks(*[JWK] * 33), "1 to 32"),
        (jwks("k"), "not an object"),
        (jwks({**JWK, "kid": None}), "no kid"),
        (jwks({**JWK, "kid": "k" * 129}), "no kid"),
        (jwks(JWK, JWK), "occurs before"),
        (jwks({**JWK, "alg": "ES384"}), "neither"),
        (jwks({**JWK, "alg": None}), "neither"),
        (jwks({**JWK, "alg": ["EdDSA"]}), "neither"),
        (jwks({**EC_JWK, "crv": "P-256", "alg": "ES256"}), "neither"),
        (jwks({"kty": "oct", "k": "AAAA", "kid": "k", "alg": "HS256"}), "neither"),
        (jwks({**JWK, "crv": "Ed448"}), "neither"),
        (jwks({**JWK, "d": JWK["x"]}), "private"),
        (jwks({**JWK, "use": "enc"}), "not for signatures"),
        (jwks({**JWK, "x": "AAAA"}), "not a valid public key"),
        (jwks({**EC_JWK, "y": EC_JWK["x"]}), "not a valid public key"),
        (jwks({**JWK, "x": 7}), "not a valid public key"),
    ],
)
def test_a_set_that_cannot_be_used(raw, why):
    with pytest.raises(Misconfigured, match=why):
        parse_jwks(raw)


@given(st.binary())
def test_any_bytes_are_refused_as_a_problem(raw):
    with pytest.raises(Misconfigured):
        parse_jwks(raw)


@given(
    st.sampled_from([JWK, EC_JWK]),
    st.sampled_from(["kty", "crv", "x", "y", "kid", "alg", "use"]),
    st.text() | st.integers(),
)
def test_any_member_gives_keys_or_a_problem(jwk, name, value):
    try:
        parse_jwks(jwks({**jwk, name: value}))
    except Misconfigured as error:
        assert "JWK set" in error.detail
