"""Packages that leave: submitted, decided, approved, released, delivered or collected."""
