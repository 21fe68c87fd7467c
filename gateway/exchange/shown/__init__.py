"""What the agency API answers with."""
