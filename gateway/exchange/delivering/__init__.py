"""Delivery of the outbox: sealed packages and signed statements, carried to their partners."""
