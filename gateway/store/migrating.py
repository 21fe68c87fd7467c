"""Alembic migrations of the database to the revision of this version."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from attache.errors import Misconfigured

_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: Engine) -> None:
    """Run the missing migrations, all in one transaction.

    Raises Misconfigured, and changes nothing, for a revision that this version does not know.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        require_known_revision(connection, config)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_known_revision(connection: Connection, config: Config) -> None:
    """Raise Misconfigured for a database that another program or a newer version has written."""
    present = MigrationContext.configure(connection).get_current_heads()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if not known.issuperset(present):
        raise Misconfigured(detail=f"the database has revision {', '.join(present)}, unknown to this version")
