"""Delivery of packages and statements to partners: over mutual TLS,
resumed and retried until a signed receipt is stored.

schedule    pauses between attempts, and the circuit breaker of each partner
verdict     the refusals that are final
lanes       limits on deliveries at once, in total and for each partner
link        the exchange API of one partner
worker      the loop over the outbox
counted     the outbox with metrics
witnessing  submission of our checkpoints to witnesses
"""
