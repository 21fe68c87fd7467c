"""The admitted participants of the exchange: their verified descriptors, and whether exchange with them is suspended.

An operator admits a participant's first descriptor by its fingerprint;
a successor must be signed with a key of the previous descriptor. No I/O.
"""

from gateway.partners.directory import Directory, ParticipantStatus, Partner

__all__ = ["Directory", "ParticipantStatus", "Partner"]
