"""Who is admitted to the exchange: their descriptors as verified, and whether exchange with them is suspended.

Admission is by hand for the first descriptor; a successor must be signed by a key of the one before. No I/O.
"""

from gateway.partners.directory import Directory, ParticipantStatus, Partner

__all__ = ["Directory", "ParticipantStatus", "Partner"]
