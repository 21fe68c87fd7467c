"""The exchange API, `/exchange/v1`: partner gateways and mailbox clients, over mutual TLS. HTTP in; no rules."""

from gateway.exchange_api.application import create_exchange_api

__all__ = ["create_exchange_api"]
