"""Offline verification of evidence, without network or server. A report holds every finding, not only the first.

directory    an exported log directory, as a whole
entry        one entry of a log, with its proof
bundle       the format of the evidence bundle about one package
collecting   the part of a bundle about one log, made from the stored log
verifying    verification of an evidence bundle, in twelve steps
export       a filtered export and its signed manifest
leaf         the content of an entry, and the opening of its commitments
report       checks and findings
verifier.html  verification of a bundle in a browser, in one file
"""
