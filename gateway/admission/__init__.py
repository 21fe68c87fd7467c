"""What a request passes before any use case: who calls, how often, and a body that is bounded and well-formed."""

from gateway.admission.bodies import body_stream, parse_model, read_body, read_json
from gateway.admission.callers import CallerDoor, install_refusals, requires
from gateway.admission.health import health_router
from gateway.admission.rates import RateLimit

__all__ = [
    "CallerDoor",
    "RateLimit",
    "body_stream",
    "health_router",
    "install_refusals",
    "parse_model",
    "read_body",
    "read_json",
    "requires",
]
