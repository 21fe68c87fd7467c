"""The exchange log: which events are logged, and how they become private leaves of a signed Merkle tree. No I/O.

events     the closed catalogue of events, one class for each
entry      an event with its time and its actor
leaf       the leaf of an entry, without personal data, and the openings that the store keeps separately
batch      appending leaves: the new head, the tiles and leaves to write, the signed checkpoint
restart    the check of the database's checkpoint against the checkpoint lock at a start
export     the log as a static C2SP directory
rows       entries for people: JSON lines, and CSV that spreadsheets do not evaluate
"""

from gateway.exchange_log.entry import Entry, entry_of
from gateway.exchange_log.events import Event, EventCode, Group

__all__ = ["Entry", "Event", "EventCode", "Group", "entry_of"]
