"""Consents: asked for by who holds content, given or refused by who supplied it."""
