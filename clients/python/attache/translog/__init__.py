"""Transparency-log formats and proofs: C2SP tlog-*, RFC 6962. Values in, values out; no I/O.

merkle       hashes, roots, and the two verifications
proving      proofs, made from stored hashes
edge         appending: the right edge of a tree and the tiles that an append changes
tiles        tile names, tile hashes, entry bundles
vkey, note   verifier keys; signed notes
signing      signatures over a checkpoint: the log's own, cosignature/v1, ML-DSA-44
encoding     numbers, base64 and names in the C2SP formats
checkpoint   the checkpoint body
policy       the logs and witnesses whose signatures a checkpoint needs (tlog-policy)
proof        the offline proof of one entry
witness      the answer of a witness to a submitted checkpoint
checkpoint_submission  the log's side: what it sends to a witness, and what the answer means
"""
