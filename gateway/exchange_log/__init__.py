"""The exchange log: what is logged, how an entry is made private, how entries become a signed tree. No I/O.

events     the closed catalogue of events, a class for each
entry      an event with when it happened and who did it
leaf       an entry as a leaf without personal data, and the openings that the store keeps beside it
batch      leaves appended to a head: new head, tiles to write, rows to write, signed checkpoint
restart    what a start may do, given the database's head and the checkpoint lock
export     the log as a static C2SP directory
rows       entries for people: JSON lines, and CSV without formulas
"""

from gateway.exchange_log.entry import Entry, entry_of
from gateway.exchange_log.events import Event, EventCode, Group

__all__ = ["Entry", "Event", "EventCode", "Group", "entry_of"]
