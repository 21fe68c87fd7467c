"""Offline verification of evidence: no network, no server, every finding and not only the first.

directory    an exported log directory, as a whole
entry        one entry of a log, with its proof
bundle       the evidence bundle about one package: the format
collecting   a log's part of a bundle, made from a store
verifying    the evidence bundle, verified in eleven steps
export       a filtered export and its signed manifest
leaf         what an entry says, and opening its commitments
verifier.html  the same for a browser, in one file
"""
