"""The exchange log: what is logged, how an entry is made private, how entries become a signed tree. No I/O.

events     the closed catalogue of events
leaf       an event as a leaf without personal data, and the openings that the store keeps beside it
batch      leaves appended to a head: new head, tiles to write, rows to write, signed checkpoint
restart    what a start may do, given the database's head and the checkpoint lock
export     the log as a static C2SP directory
rows       entries for people: JSON lines, and CSV without formulas
"""

from gateway.exchange_log.events import EventCode, Group
from gateway.exchange_log.leaf import Event

__all__ = ["Event", "EventCode", "Group"]
