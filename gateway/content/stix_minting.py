"""New objects for those that were changed: an id that nobody can trace, and we as their creator."""

import copy
import hmac
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from gateway.content.facts import Minting
from gateway.content.stix_document import Body, reference_places

_BEGIN = "2000-01-01T00:00:00.000Z"
"""When our identity object was made: always the same, and no news."""


class Mint:
    """Makes new objects. `replaced`: the ids, without their types, that must not be found any more; `made`: the new ones."""

    def __init__(self, minting: Minting) -> None:
        self._minting = minting
        self.replaced: list[str] = []
        self.made: set[str] = set()

    def id_of(self, original: str) -> str:
        """The new id for one: the same for the same recipient each time, and of no use to find the original (HMAC-SHA-256)."""
        kind = original.partition("--")[0]
        number = int.from_bytes(hmac.digest(self._minting.key, f"stix\x00{original}".encode(), "sha256")[:16], "big")
        number = number & ~(0xF << 76) | 0x4 << 76  # version
        number = number & ~(0x3 << 62) | 0x2 << 62  # variant
        return f"{kind}--{UUID(int=number)}"

    def minted(self, objects: Sequence[tuple[Body, bool]]) -> list[Body]:
        """The objects, each that was cut, and each that refers to a new one, as a new one; and who made them."""
        new = _spread({body["id"] for body, is_cut in objects if is_cut}, [body for body, _ in objects])
        ids = {name: self.id_of(name) for name in new}
        self.replaced += [name.partition("--")[2] for name in sorted(new)]
        self.made |= set(ids.values())
        left = [self._new(body, ids) if body["id"] in ids else body for body, _ in objects]
        return [self._ourselves(), *left] if any("created" in b for b in left if b["id"] in self.made) else left

    def _new(self, original: Body, ids: dict[str, str]) -> Body:
        body = copy.deepcopy(original)
        for container, at, target in list(reference_places(body)):
            container[at] = ids.get(target, target)
        body["id"] = ids[original["id"]]
        if "created" in body:
            body["created_by_ref"] = self._our_id
            body["created"] = f"{body['created'][:10]}T00:00:00.000Z"
        if "modified" in body:
            body["modified"] = max(_text(self._minting.at), body["created"])
        return body

    @property
    def _our_id(self) -> str:
        return self.id_of(f"identity--{self._minting.originator}")

    def _ourselves(self) -> Body:
        return {
            "type": "identity",
            "spec_version": "2.1",
            "id": self._our_id,
            "created": _BEGIN,
            "modified": _BEGIN,
            "name": self._minting.originator,
            "identity_class": "organization",
        }


def _spread(new: set[str], bodies: Iterable[Body]) -> set[str]:
    """The new ones, and those that refer to one: to refer to a new id is a change too."""
    referrers: dict[str, list[str]] = {}
    for body in bodies:
        for _, _, target in reference_places(body):
            referrers.setdefault(target, []).append(body["id"])
    waiting = list(new)
    while waiting:
        for name in referrers.get(waiting.pop(), ()):
            if name not in new:
                new.add(name)
                waiting.append(name)
    return new


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
