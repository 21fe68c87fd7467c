"""The clients of the agency API, one module for each resource.

`attache.client.sync` is written by hand and blocks; `attache.client.aio` is generated from it, for asyncio.
"""

from attache.client.sync.client import Client as Client
