"""The exchange API, `/exchange/v1`: for partner gateways and mailbox clients, over mutual TLS.

It maps HTTP to use cases and has no rules of its own.
"""

from gateway.exchange_api.application import create_exchange_api

__all__ = ["create_exchange_api"]
