"""STIX content for tests: small bundles in few words, and what is left of them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from gateway.content import Minting, Shown, redacted, units

STIX = "application/stix+json;version=2.1"
SHARED = Path(__file__).parents[4] / "shared" / "data"
AT = "2026-01-01T00:00:00.000Z"
RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
GREEN = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
OWN = "extension-definition--5b9c5d0e-3a0b-4a53-9d3c-7a5a2f0c6e11"
IEP = "extension-definition--762e2e97-ee51-43e5-a9ea-165fbb862c4a"
MINTING = Minting(b"k" * 16, "irs-ci", datetime(2026, 11, 22, 9, tzinfo=UTC))


def an_id(kind, name):
    return f"{kind}--{uuid5(NAMESPACE_URL, f'{kind} {name}')}"


def an_object(kind, seed, /, **more):
    return {"type": kind, "spec_version": "2.1", "id": an_id(kind, seed), "created": AT, "modified": AT, **more}


def an_identity(name, **more):
    return an_object("identity", name, name=name, identity_class="individual", **more)


def a_tool(name, **more):
    return an_object("tool", name, name=name, **more)


def a_link(source, target, **more):
    name = f"{source['id']} {target['id']}"
    ends = {"relationship_type": "uses", "source_ref": source["id"], "target_ref": target["id"]}
    return an_object("relationship", name, **ends, **more)


def a_report(name, *about, **more):
    refs = [body["id"] for body in about]
    return an_object("report", name, name=name, published=AT, object_refs=refs, **more)


def a_marking(name, **own):
    extensions = {OWN: {"extension_type": "property-extension", **own}}
    body = an_object("marking-definition", name, extensions=extensions)
    del body["modified"]
    return body


def an_iep(name, **more):
    extensions = {IEP: {"extension_type": "property-extension", "tlp": "green", "provider_attribution": "may", **more}}
    body = an_object("marking-definition", name, extensions=extensions)
    del body["modified"]
    return body


def a_bundle(*objects):
    return {"type": "bundle", "id": an_id("bundle", "it"), "objects": list(objects)}


def raw(*objects):
    return json.dumps(a_bundle(*objects)).encode()


def found(*objects, stated=()):
    """What there is to decide about, by path."""
    return {unit.path: unit for unit in units(STIX, raw(*objects), stated)}


def left(*objects, withheld=(), masked=(), stated=(), minting=MINTING):
    """The objects that are left where these paths are withheld or masked, or None."""
    content = raw(*objects)
    paths = {unit.path for unit in (*units(STIX, content, stated), *stated)} | {body["id"] for body in objects}
    outcomes = dict.fromkeys(paths, Shown.CLEAR)
    assert {*withheld, *masked} <= set(paths)
    outcomes |= dict.fromkeys(withheld, Shown.WITHHELD) | dict.fromkeys(masked, Shown.MASKED)
    copy = redacted(STIX, content, stated, outcomes, minting)
    return None if copy is None else json.loads(copy)["objects"]


def by_type(objects):
    return {body["type"]: body for body in objects}
