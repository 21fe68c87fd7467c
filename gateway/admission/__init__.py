"""What both APIs do before a use case runs: authenticate the caller, limit the rate, and read a bounded, valid body."""

from gateway.admission.agency import ThisAgency
from gateway.admission.callers import CallerAuthentication, install_refusals, requires
from gateway.admission.declared import (
    BytesBody,
    Content,
    ContentBody,
    Json,
    LargeJson,
    LargeUnparsedJson,
    Stream,
    UnparsedJson,
)
from gateway.admission.health import health_router
from gateway.admission.lists import PageSize
from gateway.admission.rates import RateLimit
from gateway.admission.routes import api_router, describe

__all__ = [
    "BytesBody",
    "CallerAuthentication",
    "Content",
    "ContentBody",
    "Json",
    "LargeJson",
    "LargeUnparsedJson",
    "PageSize",
    "RateLimit",
    "Stream",
    "ThisAgency",
    "UnparsedJson",
    "api_router",
    "describe",
    "health_router",
    "install_refusals",
    "requires",
]
