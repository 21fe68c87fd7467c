"""Bringing packages and receipts to partners: over mutual TLS, resumed, retried, until a signed receipt is stored.

schedule   when to try again, and when to leave a partner alone for a while
verdict    which refusals are for good
link       one partner's exchange API
worker     the loop over the outbox
"""
