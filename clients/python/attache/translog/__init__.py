"""Transparency-log formats and proofs: C2SP tlog-*, RFC 6962. Values in, values out; no I/O.

merkle       hashes, roots, and the two verifications
proving      making proofs from stored hashes
edge         appending: the right edge of a tree and the tiles that an append changes
tiles        tile names, tile hashes, entry bundles
vkey, note   verifier keys; signed notes
signing      signatures over a checkpoint: the log's own, cosignature/v1, ML-DSA-44
checkpoint   the checkpoint body
policy       which logs and witnesses suffice
proof        the offline proof of one entry
witness      what a witness answers, and what its client does with the answer
"""
