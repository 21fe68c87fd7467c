"""The agency API, `/api/v1`: own systems, analysts, attachés and auditors. HTTP in; no rules."""

from gateway.api.application import create_agency_api

__all__ = ["create_agency_api"]
