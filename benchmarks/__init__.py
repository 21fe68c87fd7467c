"""Measurements. `make bench` runs all of them; figures are for one machine, ratios within one run are what counts."""
