"""The clients of the agency API (blocking and asyncio), the mailbox, and offline verification.

Importing this package imports no module of it: `attache.client.sync` and `.aio` load httpx, `.offline` and `.opening` do not.
"""
