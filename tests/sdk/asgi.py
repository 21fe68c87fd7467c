"""The real application for the SDK's tests: both clients reach it through ASGI, on the loop that runs it."""

import asyncio
from typing import Any

import httpx


class Bridge(httpx.BaseTransport):
    """For a blocking client in a thread: each request is answered on `loop`."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = httpx.ASGITransport(app)
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run_coroutine_threadsafe(self._answer(request, request.read()), self._loop).result(30)

    async def _answer(self, request: httpx.Request, content: bytes) -> httpx.Response:
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"transfer-encoding"]
        asked = httpx.Request(request.method, request.url, headers=headers, content=content)
        answer = await self._transport.handle_async_request(asked)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        body = b"".join([chunk async for chunk in answer.stream])
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(body))
