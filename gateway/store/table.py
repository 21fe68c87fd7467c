"""The base of all tables."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel


class Table(SQLModel):
    """The base class of all tables; its metadata lists them."""

    metadata = MetaData()
