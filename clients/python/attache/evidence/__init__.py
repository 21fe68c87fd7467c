"""Offline verification of evidence: no network, no server, every finding and not only the first.

finding     what a check found
directory   an exported log directory, as a whole
entry       one entry with its proof
"""
