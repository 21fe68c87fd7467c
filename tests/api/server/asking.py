"""One request through ASGI to an application made in a test."""

import asyncio
from typing import Any

import httpx


def ask(app: Any, method: str, path: str, **request: Any) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://gateway.test") as client:
            return await client.request(method, path, **request)

    return asyncio.run(one())
