"""New objects in the place of changed ones: with an id that cannot be traced to the original,
and with us as their creator.
"""

import copy
import hmac
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from gateway.content.facts import Minting
from gateway.content.stix_document import EXTENSION, Body, reference_places

_BEGIN = "2000-01-01T00:00:00.000Z"
"""The creation time of our identity object. It is fixed, so that it reveals nothing."""


class Mint:
    """Makes new objects. `replaced`: the UUIDs of the originals,
    which must not occur in the copy; `made`: the new ids.
    """

    def __init__(self, minting: Minting) -> None:
        self._minting = minting
        self.replaced: list[str] = []
        self.made: set[str] = set()

    def id_of(self, original: str) -> str:
        """The new id for an object: always the same for one recipient.
        It does not reveal the original id (HMAC-SHA-256).
        """
        kind = original.partition("--")[0]
        number = int.from_bytes(hmac.digest(self._minting.key, f"stix\x00{original}".encode(), "sha256")[:16], "big")
        number = number & ~(0xF << 76) | 0x4 << 76  # version
        number = number & ~(0x3 << 62) | 0x2 << 62  # variant
        return f"{kind}--{UUID(int=number)}"

    def minted(self, objects: Sequence[Body], cut: Iterable[str]) -> list[Body]:
        """The objects, with a new one for each that was cut or refers to a new one,
        and our identity object as their creator.

        A new object has one version, the latest. A changed extension definition is left out,
        because nothing uses it under a new id.
        """
        new = spread(cut, objects)
        ids = {name: self.id_of(name) for name in new}
        self.replaced += [name.partition("--")[2] for name in sorted(new)]
        self.made |= set(ids.values())
        latest = {body["id"]: body for body in sorted(objects, key=lambda body: str(body.get("modified", "")))}
        left = [
            self._new(body, ids) if body["id"] in ids else body
            for body in objects
            if body["id"] not in ids or (body is latest[body["id"]] and body["type"] != EXTENSION)
        ]
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
            body["modified"] = max(_text(self._minting.at), body.get("created", ""))
        body.pop("object_modified", None)  # it is the version of the original object
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


def spread(cut: Iterable[str], bodies: Iterable[Body]) -> set[str]:
    """The ids of all objects that must be new: those that were cut,
    and those that refer to a new one, directly or not.
    """
    new = set(cut)
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
