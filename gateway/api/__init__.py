"""The agency API, `/api/v1`: for the systems, analysts, attachés and auditors of this agency.

It maps HTTP to use cases and has no rules of its own.
"""

from gateway.api.application import create_agency_api

__all__ = ["create_agency_api"]
