"""Checkpoints: partners' logs cosigned by us, ours by them."""
