"""The database and the blobs behind the ports of gateway.exchange.

sql_store    open_store: everything joined; open_reading: the exchange log alone, read-only
tables       one SQLModel table for each class of record; log_tables: the exchange log's
statements   SQL for records, made once; reading, transaction, outbox: the ports on top
writer       one thread that commits waiting units in groups; group_commit: the steps of one commit
log_book     the exchange log inside the writer's transaction; log_view: reading it; log_audit: verifying it
recovery     what a start does with database head and checkpoint lock
key_store    the data keys of packages, apart from the database; log_purge, log_privacy: the private side of log entries
blobs        ciphertext on the filesystem
migrating    Alembic, run at the start
"""

from gateway.exchange.kernel.ports import LogAudit
from gateway.store.log_keys import LogKeys
from gateway.store.log_view import LogView
from gateway.store.sql_store import SqlStore, open_reading, open_store

__all__ = ["LogAudit", "LogKeys", "LogView", "SqlStore", "open_reading", "open_store"]
