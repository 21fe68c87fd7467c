"""Receipts: issued for what arrived, accepted for what was sent."""
