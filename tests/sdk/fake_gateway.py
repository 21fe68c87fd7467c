"""A gateway's agency API in memory, for the SDK's tests: it can be told to lie, to fail and to break off."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from urllib.parse import unquote

import httpx

from attache.client.aio import AsyncClient
from attache.client.sync import Client

URL = "https://gateway.example"
TOKEN = "token-sentinel-4711"
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
AT_TEXT = "2026-11-22T09:00:00Z"


class FakeGateway:
    """`instead` holds answers (or errors to raise) that are given before the real ones; `requests` is what came."""

    def __init__(self):
        self.requests: list[httpx.Request] = []
        self.instead: list[httpx.Response | Exception] = []
        self.packages: dict[str, dict] = {}
        self.by_key: dict[str, str] = {}
        self.contents: dict[tuple[str, str], bytes] = {}
        self.arrivals: dict[tuple[str, str], dict] = {}
        self.approvals: dict[str, dict] = {}
        self.changed_participants: list[tuple[str, str]] = []
        self.entries = [
            {"index": i, "at": AT_TEXT, "event": "package.submitted", "actor": "a", "objects": {}, "fields": {}}
            for i in range(5)
        ]
        self.page_size = 2
        self.states = ["delivered"]
        self.pauses: list[float] = []

    def client(self, **options) -> Client:
        defaults = {
            "token": TOKEN,
            "transport": httpx.MockTransport(self),
            "pause": self.pauses.append,
            "chance": lambda: 0.0,
            "now": lambda: AT,
        }
        return Client(URL, **{**defaults, **options})

    def async_client(self, **options) -> AsyncClient:
        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        defaults = {
            "token": TOKEN,
            "transport": httpx.MockTransport(self),
            "pause": pause,
            "chance": lambda: 0.0,
            "now": lambda: AT,
        }
        return AsyncClient(URL, **{**defaults, **options})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.instead:
            answer = self.instead.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return unread(answer)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return unread(problem(401, "not-authenticated"))
        path = [unquote(s) for s in request.url.raw_path.decode().partition("?")[0].split("/")]
        assert path[:3] == ["", "api", "v1"]
        return unread(self._route(request, request.method, path[3:]))

    def _route(self, request, method, path):  # noqa: PLR0911
        match (method, path):
            case ("POST", ["packages"]):
                return self._create(request)
            case ("PUT", ["packages", package_id, "parts", name]):
                self.contents[package_id, name] = request.content
                return httpx.Response(204)
            case ("POST", ["packages", package_id, "submit"]):
                return self._submit(package_id)
            case ("GET", ["packages"]):
                return self._page(request, "packages", list(self.packages.values()))
            case ("GET", ["packages", package_id]):
                if package_id not in self.packages:
                    return problem(404, "not-found")
                return httpx.Response(200, json=self._view(package_id, wait="wait_for" in request.url.params))
            case ("GET", ["packages", package_id, "receipts"]):
                one = {
                    "receipt": "delivered",
                    "recipient": "partner-frankfurt",
                    "at": AT_TEXT,
                    "signed": {"payload": ""},
                }
                return httpx.Response(200, json={"receipts": [one]})
            case ("GET", ["packages", package_id, "sealed", recipient]):
                return httpx.Response(200, content=b"attache-package/1\nsealed for " + recipient.encode())
            case ("POST", ["decisions"]):
                return self._decide(request)
            case ("GET", ["approvals"]):
                return httpx.Response(200, json={"approvals": list(self.approvals.values())})
            case ("GET", ["approvals", approval_id]):
                return httpx.Response(200, json=self.approvals[approval_id])
            case ("GET", ["approvals", approval_id, "parts", name]):
                content = f"{name} of {approval_id}".encode()
                return httpx.Response(
                    200, content=content, headers={"Attache-Sha256": hashlib.sha256(content).hexdigest()}
                )
            case ("POST", ["approvals", approval_id]):
                said = json.loads(request.content)
                state = {"approve": "approved", "reject": "rejected"}[said["decision"]]
                self.approvals[approval_id] |= {"state": state, "reason": said["reason"]}
                return httpx.Response(200, json=self.approvals[approval_id])
            case ("GET", ["inbox"]):
                return self._page(request, "packages", list(self.arrivals.values()))
            case ("GET", ["inbox", originator, package_id]):
                return httpx.Response(200, json=self.arrivals[originator, package_id])
            case ("POST", ["inbox", originator, package_id, "open"]):
                self.arrivals[originator, package_id]["state"] = "opened"
                return httpx.Response(200, json=self.arrivals[originator, package_id])
            case ("GET", ["inbox", _, package_id, "parts", name]):
                return httpx.Response(200, content=self.contents[package_id, name])
            case ("GET", ["participants"]):
                one = {"participant": "partner-bogota", "name": "Example", "serial": 1, "status": "active"}
                return httpx.Response(200, json={"participants": [one]})
            case ("POST", ["participants", participant, change]):
                self.changed_participants.append((participant, change))
                return httpx.Response(200, json={})
            case ("PUT", ["participants", participant, "descriptor"]):
                self.changed_participants.append((participant, request.content.decode()))
                one = {"participant": participant, "name": "Example", "serial": 2, "status": "active"}
                return httpx.Response(200, json=one)
            case ("GET", ["log", "entries"]):
                return self._page(request, "entries", self.entries)
            case ("GET", ["log", "entries", index]):
                return httpx.Response(200, json=self.entries[int(index)])
            case ("GET", ["log", *rest]):
                return httpx.Response(200, text=f"{'/'.join(rest)}?{request.url.query.decode()}\n")
        return problem(404, "not-found")

    def _create(self, request):
        key = request.headers["idempotency-key"]
        if key not in self.by_key:
            facts = json.loads(request.content)
            package_id = f"0000{len(self.packages)}"
            self.by_key[key] = package_id
            for part in facts["parts"]:
                if part.pop("content", None) is not None:
                    raw = json.loads(request.content)["parts"][facts["parts"].index(part)]["content"]
                    content = base64.urlsafe_b64decode(raw + "==")
                    assert part["bytes"] == len(content)
                    assert part["sha256"] == hashlib.sha256(content).hexdigest()
                    self.contents[package_id, part["name"]] = content
            self.packages[package_id] = {"facts": facts, "state": "submitted" if facts["submit"] else "draft"}
        package_id = self.by_key[key]
        return httpx.Response(
            202 if self.packages[package_id]["state"] != "draft" else 201, json=self._view(package_id)
        )

    def _submit(self, package_id):
        missing = [
            p for p in self.packages[package_id]["facts"]["parts"] if (package_id, p["name"]) not in self.contents
        ]
        if missing:
            return problem(422, "part-missing")
        self.packages[package_id]["state"] = "submitted"
        return httpx.Response(202, json=self._view(package_id))

    def _view(self, package_id, *, wait=False):
        package = self.packages[package_id]
        facts = package["facts"]
        state = (self.states.pop(0) if len(self.states) > 1 else self.states[0]) if wait else self.states[0]
        return {
            "package_id": package_id,
            "state": package["state"],
            "kind": facts["kind"],
            "title": facts["title"],
            "case_reference": facts.get("case_reference"),
            "created_at": AT_TEXT,
            "submitted_at": None,
            "parts": [self._part(package_id, part) for part in facts["parts"]],
            "recipients": [
                {
                    "recipient": to["to"],
                    "desk": None,
                    "state": state,
                    "post": "frankfurt",
                    "changed_at": AT_TEXT,
                    "receipts": [],
                }
                for to in facts["recipients"]
            ],
        }

    def _part(self, package_id, part):
        content = self.contents.get((package_id, part["name"]))
        digest = None if content is None else hashlib.sha256(content).hexdigest()
        size = None if content is None else len(content)
        return {**part, "bytes": size, "sha256": digest, "uploaded": content is not None}

    def _decide(self, request):
        facts = json.loads(request.content)
        parts = [
            {"name": p["name"], "outcome": "disclose", "rules": ["base.open"], "reasons": []} for p in facts["parts"]
        ]
        answers = [
            {
                "decision_id": None,
                "recipient": to["to"],
                "desk": None,
                "outcome": "release",
                "parts": parts,
                "handling": None,
                "policy_set_hash": "ab",
                "shard_hash": "cd",
            }
            for to in facts["recipients"]
        ]
        return httpx.Response(200, json={"recipients": answers})

    def _page(self, request, member, items):
        start = int(request.url.params.get("after", "0"))
        end = start + self.page_size
        values = [self._view(f"0000{i}") if member == "packages" and "facts" in x else x for i, x in enumerate(items)]
        return httpx.Response(200, json={member: values[start:end], "next": str(end) if end < len(values) else None})

    def receive(self, originator, package_id, contents: dict[str, bytes]):
        """Let a package be in the inbox."""
        parts = [
            {
                "name": name,
                "media_type": "text/plain",
                "bytes": len(raw),
                "sha256": hashlib.sha256(raw).hexdigest(),
                "markings": [],
                "content_class": [],
            }
            for name, raw in contents.items()
        ]
        self.arrivals[originator, package_id] = {
            "originator": originator,
            "package_id": package_id,
            "state": "received",
            "kind": "intelligence",
            "title": "From a partner",
            "received_at": AT_TEXT,
            "parts": parts,
        }
        self.contents |= {(package_id, name): raw for name, raw in contents.items()}


def unread(answer: httpx.Response) -> httpx.Response:
    """The answer as it comes off a wire: httpx counts one that is made in memory as read already."""
    if not answer.is_stream_consumed:
        return answer
    return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(answer.content))


class BrokenStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that ends in the middle."""

    def __init__(self, sent: bytes):
        self.sent = sent

    def __iter__(self) -> Iterator[bytes]:
        yield self.sent
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def problem(status: int, code: str, *, headers: dict[str, str] | None = None, **members) -> httpx.Response:
    value = {
        "type": f"/problems/{code}",
        "title": code,
        "status": status,
        "code": code,
        "request_id": "request-0001",
        **members,
    }
    answer = httpx.Response(status, content=json.dumps(value).encode(), headers=headers)
    answer.headers["content-type"] = "application/problem+json"
    return answer
