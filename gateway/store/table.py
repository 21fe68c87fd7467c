"""The base of all tables."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel


class Table(SQLModel):
    """Where all tables of the store are registered."""

    metadata = MetaData()
