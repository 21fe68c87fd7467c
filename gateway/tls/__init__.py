"""TLS 1.3 without a proxy: the listeners, their certificates, and the client certificates of connections."""

from gateway.tls.connection import ConnectionLimits
from gateway.tls.current_certificate import RequireCurrentCertificate
from gateway.tls.listeners import (
    Listener,
    agency_trust,
    connection_limits,
    exchange_trust,
    serve,
    stopped_by_signals,
)
from gateway.tls.peer import PeerCertificate, WithPeer, peer_of, require_peer
from gateway.tls.trust import LiveTrust, TlsFiles

__all__ = [
    "ConnectionLimits",
    "Listener",
    "LiveTrust",
    "PeerCertificate",
    "RequireCurrentCertificate",
    "TlsFiles",
    "WithPeer",
    "agency_trust",
    "connection_limits",
    "exchange_trust",
    "peer_of",
    "require_peer",
    "serve",
    "stopped_by_signals",
]
