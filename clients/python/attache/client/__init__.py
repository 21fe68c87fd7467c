"""The clients: the agency API blocking and async, the mailbox, and what is verified offline.

Importing this package imports nothing else: `attache.client.sync` and `.aio` need httpx, `.offline` needs no network.
"""
