"""attache: the SDK of the exchange, and the wire protocol that both sides speak."""
