"""Requests of the agency API (`/api/v1`) as calls and plans, one module for each resource. No I/O except reading files that are submitted."""
