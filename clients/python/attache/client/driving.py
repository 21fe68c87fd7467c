"""The two drivers, for those who carry out calls and plans themselves: the mailbox, and delivery between gateways."""

from attache.client.aio.driver import AsyncDriver
from attache.client.sync.driver import Driver

__all__ = ["AsyncDriver", "Driver"]
