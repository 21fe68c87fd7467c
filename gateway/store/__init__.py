"""The SQLite database and the blobs: the implementation of the ports in gateway.exchange.kernel.ports.

sql_store    open_store: the whole store; open_reading: read-only access to records and log
tables       one SQLModel table for each class of record; log_tables: the tables of the exchange log
statements   prepared SQL for records; reading, transaction, outbox, tallies: the ports that use it
writer       the thread that commits waiting units of work in groups; group_commit: the steps of one commit
log_book     the exchange log inside the writer's transaction; log_view: reading the log; log_audit: verifying it
log_search   searches of the log; log_blocks: the listings that they use
row_digests  the digests of rows that the log commits to; row_audit: comparing rows with them
recovery     the check of the log and the checkpoint lock at a start
key_store    the data keys of packages, in a database of their own; log_privacy, log_purge: the private side of log
entries blobs        ciphertext in files; durable: durable files; backup: a copy of the database
migrating    Alembic migrations, run at the start
"""

from gateway.exchange.kernel.ports import LogAudit
from gateway.store.log_keys import LogKeys
from gateway.store.log_view import LogView
from gateway.store.sql_store import SqlStore, open_reading, open_store

__all__ = ["LogAudit", "LogKeys", "LogView", "SqlStore", "open_reading", "open_store"]
