"""Who calls the agency API, and what their roles allow. Values in, values out; no HTTP, no clock."""
