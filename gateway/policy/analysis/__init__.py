"""What a policy set permits, by a solver (z3): compared with another set, with examples."""
