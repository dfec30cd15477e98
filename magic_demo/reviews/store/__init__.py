"""The store of reviews: who reviewed which case how, kept row by row in SQLite or PostgreSQL.

Nothing outside this folder speaks SQL.
"""

from __future__ import annotations

from magic_demo.reviews.store.engine.location import (
    STORE_VARIABLE,
    default_location,
    folder_beside,
    is_store_there,
)
from magic_demo.reviews.store.methods.store import Store
from magic_demo.reviews.store.records import (
    CASE_FILTERS,
    LOCAL_READER,
    PROGRAM,
    READER_ROLES,
    TRAIL_KINDS,
    Actor,
    CaseFilter,
    CaseOrder,
    CaseState,
    Finished,
    NewCase,
    Progress,
    ProposedCover,
    QueueCase,
    Reader,
    ReaderRole,
    SignIn,
    Token,
    TrailEntry,
    TrailKind,
)
from magic_demo.reviews.store.rows.reviews import ReviewChangedError
from magic_demo.reviews.store.rules import Action

__all__ = [
    "CASE_FILTERS",
    "LOCAL_READER",
    "PROGRAM",
    "READER_ROLES",
    "STORE_VARIABLE",
    "TRAIL_KINDS",
    "Action",
    "Actor",
    "CaseFilter",
    "CaseOrder",
    "CaseState",
    "Finished",
    "NewCase",
    "Progress",
    "ProposedCover",
    "QueueCase",
    "Reader",
    "ReaderRole",
    "ReviewChangedError",
    "SignIn",
    "Store",
    "Token",
    "TrailEntry",
    "TrailKind",
    "default_location",
    "folder_beside",
    "is_store_there",
]
