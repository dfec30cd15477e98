"""The store of reviews: who reviewed which case how, kept row by row in SQLite or PostgreSQL. Nothing outside this folder speaks SQL."""

from __future__ import annotations

from magic_demo.store.database import PLACE_VARIABLE, default_place, folder_beside
from magic_demo.store.records import (
    CASE_FILTERS,
    LOCAL_READER,
    READER_ROLES,
    CaseFilter,
    CaseOrder,
    CaseState,
    NewCase,
    Progress,
    QueueCase,
    Reader,
    ReaderRole,
)
from magic_demo.store.store import Store

__all__ = [
    "CASE_FILTERS",
    "LOCAL_READER",
    "PLACE_VARIABLE",
    "READER_ROLES",
    "CaseFilter",
    "CaseOrder",
    "CaseState",
    "NewCase",
    "Progress",
    "QueueCase",
    "Reader",
    "ReaderRole",
    "Store",
    "default_place",
    "folder_beside",
]
