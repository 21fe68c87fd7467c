"""Packages that arrive: received block by block, verified, kept, opened and used by their readers."""
