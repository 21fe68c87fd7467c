"""Requests of the agency API (`/api/v1`), one module for each resource, as calls and plans. No I/O but reading what is submitted."""
