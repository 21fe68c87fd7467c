"""Comparison of policy sets with the solver z3: what one permits and the other does not, with example requests."""
