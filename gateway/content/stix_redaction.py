"""Redacted copies of STIX bundles: withheld values are removed, and nothing in the copy refers to them or repeats them.

An object of another creator is never changed (STIX 2.1, section 3.6). Where a value is removed from an object, a new
object replaces it: we are its creator, its id is derived with a secret key,
and references to the original are changed to it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from attache.errors import NotPermitted
from gateway.content.document import atoms, encode
from gateway.content.facts import Minting, Shown, UnitFacts
from gateway.content.repeats import blocked, find_repeats
from gateway.content.stix_document import (
    EXTENSION,
    MARKING,
    Body,
    Bundle,
    Steps,
    is_id,
    parse_bundle,
    references,
)
from gateway.content.stix_markings import TLP_MARKINGS
from gateway.content.stix_minting import Mint, spread
from gateway.content.stix_objects import masked_object, taken, without
from gateway.content.stix_secrets import id_of, secrets_of
from gateway.content.stix_units import EDGES, parse_path, units_of
from gateway.content.stix_validation import is_known, is_valid

MAX_ROUNDS = 64
_NEEDS_REFS = {
    **{name: members[:1] if name == "sighting" else members for name, members in EDGES.items()},
    **dict.fromkeys(("report", "grouping", "note", "opinion", "observed-data"), ("object_refs",)),
    "language-content": ("object_ref",),
}
"""By type, the reference members that an object must keep if it had them; without them it is removed."""


@dataclass
class _Kept:
    """An object of the copy, as redacted so far."""

    body: Body
    original: Body
    is_cut: bool = False
    """Something was removed from it, so it cannot keep its own id."""
    is_valid: bool = False
    """Its redacted form was validated."""


@dataclass
class _Copy:
    """A redacted copy, while it is made."""

    kept: list[_Kept] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    """Texts that must not occur in the copy."""
    extensions: set[str] = field(default_factory=set)
    """Ids of extension definitions that may be released unchanged."""


def redacted(
    plaintext: bytes, stated: Sequence[UnitFacts], outcomes: Mapping[str, Shown], minting: Minting
) -> bytes | None:
    """The bundle as this recipient may see it; None where no object remains. A unit without an outcome is withheld.

    Raises MalformedInput as `units` does, and NotPermitted("redaction-blocked")
    where the copy would contain a withheld value.
    """
    bundle = parse_bundle(plaintext)
    shown = {unit.path: outcomes.get(unit.path, Shown.WITHHELD) for unit in units_of(bundle, stated)}
    copy = _decided(bundle, shown)
    _close(copy, bundle)
    _drop_unused_creators(copy, bundle)
    if not copy.kept:
        return None
    supporting = list(_supporting(copy, bundle))
    mint = Mint(minting)
    everything = [*copy.kept, *supporting]
    left = mint.minted([one.body for one in everything], [one.body["id"] for one in everything if one.is_cut])
    _verify(left, bundle)
    _verify_silent(
        left, [*copy.secrets, *mint.replaced], {mint.id_of(one.body["id"]): one.body["id"] for one in everything}
    )
    if not all(is_valid(body) for body in left if is_known(body) and body["id"] in mint.made):
        raise NotPermitted("redaction-blocked", "a new object is not strict STIX 2.1")
    return encode({"type": "bundle", "id": mint.id_of(bundle.bundle_id), "objects": left})


def _decided(bundle: Bundle, shown: Mapping[str, Shown]) -> _Copy:
    """Apply the outcomes to each object and selector, without looking at references yet."""
    within: dict[str, dict[Steps, Shown]] = {}
    for path, outcome in shown.items():
        object_id, steps = parse_path(path)
        if steps and outcome is not Shown.CLEAR:
            within.setdefault(object_id, {})[steps] = outcome
    copy = _Copy()
    for body in bundle.objects:
        if body["type"] == EXTENSION:
            is_whole = shown[body["id"]] is Shown.CLEAR and body["id"] not in within
            copy.extensions |= {body["id"]} if is_whole else set()
            copy.secrets += () if is_whole else secrets_of(body)
        elif body["type"] != MARKING:
            _decide_one(copy, body, shown[body["id"]], within.get(body["id"], {}))
    return copy


def _decide_one(copy: _Copy, body: Body, outcome: Shown, within: Mapping[Steps, Shown]) -> None:
    left = masked_object(body) if outcome is Shown.MASKED else body if outcome is Shown.CLEAR else None
    if left is None:
        copy.secrets += [id_of(body), *secrets_of(body)]
        return
    if outcome is Shown.MASKED:
        copy.secrets += secrets_of(body)
    elif within:
        left = without(body, within)
        for value in taken(body, within):
            copy.secrets += secrets_of(value)
    copy.kept.append(_Kept(left, body, is_cut=left is not body))


def _close(copy: _Copy, bundle: Bundle) -> None:
    """Remove references to objects that are not in the copy,
    and objects that are meaningless without them, until nothing changes.
    """
    definitions = set(bundle.definitions(MARKING)) | TLP_MARKINGS.keys()
    for _ in range(MAX_ROUNDS):
        there = {one.body["id"] for one in copy.kept}
        cut = {one.body["id"] for one in copy.kept if one.is_cut}
        followed = [_followed(one, there | definitions, cut) for one in copy.kept]
        copy.secrets += [id_of(one.body) for one, left in zip(copy.kept, followed, strict=True) if left is None]
        settled = followed == copy.kept
        copy.kept = [one for one in followed if one is not None]
        if settled:
            return
    raise NotPermitted("redaction-blocked", "the chain of references between its objects is too long")


def _followed(one: _Kept, there: set[str], cut: set[str]) -> _Kept | None:
    """The object without references to absent objects; None where it needs them, or is no longer valid."""
    body = one.body
    if body["type"] == "language-content" and cut.intersection(references(body)):
        return None  # it is a translation of removed text
    if any(target not in there for target in references(body)):
        body = _unlinked(body, there)
        one = replace(one, body=body, is_cut=True, is_valid=False)
    if any(name in one.original and name not in body for name in _NEEDS_REFS.get(body["type"], ())):
        return None
    if not one.is_cut or one.is_valid:
        return one
    return replace(one, is_valid=True) if is_known(body) and is_valid(body) else None


def _unlinked(value: Any, there: set[str]) -> Any:
    """A copy of a value without references to absent objects."""
    if isinstance(value, list):
        return [_unlinked(one, there) for one in value]
    if not isinstance(value, dict):
        return value
    left = {}
    for name, inner in value.items():
        if name.endswith("_ref") and is_id(inner) and inner not in there:
            continue
        if name.endswith("_refs") and isinstance(inner, list):
            refs = [one for one in inner if not is_id(one) or one in there]
            if refs:
                left[name] = refs
            continue
        left[name] = _unlinked(inner, there)
    return left


def _drop_unused_creators(copy: _Copy, bundle: Bundle) -> None:
    """Remove identities that were creators of objects and to which nothing in the copy refers:
    they would only reveal the creator.
    """
    creators = {t for body in bundle.objects if is_id(t := body.get("created_by_ref"))}
    new = spread((one.body["id"] for one in copy.kept if one.is_cut), [one.body for one in copy.kept])
    while True:
        going = [*copy.kept, *_supporting(copy, bundle)]
        used = {t for one in going for t in references(_as_made(one.body, new)) if t != one.body["id"]}
        unused = creators - used
        gone = [one for one in copy.kept if one.body["id"] in unused]
        if not gone:
            return
        copy.secrets += [id_of(one.body) for one in gone]
        copy.kept = [one for one in copy.kept if one.body["id"] not in unused]


def _as_made(body: Body, new: set[str]) -> Body:
    """The object with the references that it will have: a new object does not refer to its original creator."""
    return {name: value for name, value in body.items() if name != "created_by_ref"} if body["id"] in new else body


def _supporting(copy: _Copy, bundle: Bundle) -> Iterator[_Kept]:
    """The definitions that the kept objects use: markings, without references to absent objects;
    extensions, only if unchanged.
    """
    kept = copy.kept
    there = {one.body["id"] for one in kept}
    markings, extensions = bundle.definitions(MARKING), bundle.definitions(EXTENSION)
    wanted = {target for one in kept for target in references(one.body)} & markings.keys()
    used: set[str] = set()
    while wanted - used:
        used |= wanted
        wanted = {t for name in used for body in markings[name] for t in references(body)} & markings.keys()
    known = there | used | TLP_MARKINGS.keys()
    for name in sorted(used):
        for body in markings[name]:
            dangling = any(target not in known for target in references(body))
            yield _Kept(_unlinked(body, known), body, is_cut=dangling)
    named = {name for one in kept for name in _extension_ids(one.body)}
    for name in sorted(named & copy.extensions):
        yield from (_Kept(b, b) for b in extensions[name] if all(target in known for target in references(b)))


def _extension_ids(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (name for name in value if name.startswith("extension-definition--"))
        for inner in value.values():
            yield from _extension_ids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _extension_ids(inner)


def _verify(left: Sequence[Body], bundle: Bundle) -> None:
    """Check the finished copy: no reference leads to an absent object,
    and no id of an absent object occurs anywhere.
    """
    there = {body["id"] for body in left} | TLP_MARKINGS.keys()
    absent = {body["id"] for body in bundle.objects} - there
    absent -= {body["id"] for body in bundle.objects if body["type"] == EXTENSION}
    if any(target not in there for target in references(list(left))) or absent & set(atoms(list(left), names=True)):
        raise NotPermitted("redaction-blocked", "the redacted copy refers to withheld objects")


def _verify_silent(left: Sequence[Body], secrets: Iterable[str], originals: Mapping[str, str]) -> None:
    """Check that no withheld value occurs in the copy; the error names the objects by the ids of their originals."""
    texts = [(body["id"], text) for body in left for text in atoms(body, names=False)]
    repeats = find_repeats((text for _, text in texts), secrets)
    if repeats:
        raise blocked(sorted({originals.get(texts[number][0], texts[number][0]) for number in repeats}))
