"""The store: everything that the page, the exports and the commands ask of it."""

from __future__ import annotations

from magic_demo.reviews.store.methods.cases import CaseMethods
from magic_demo.reviews.store.methods.programs import ProgramMethods
from magic_demo.reviews.store.methods.queues import QueueMethods
from magic_demo.reviews.store.methods.records import RecordMethods
from magic_demo.reviews.store.methods.reviews import ReviewMethods
from magic_demo.reviews.store.methods.sign_ins import SignInMethods


class Store(ReviewMethods, CaseMethods, QueueMethods, ProgramMethods, RecordMethods, SignInMethods):
    """Reviews, cases and readers in one database. Safe to share between threads; every process opens its own.

    Every method is one transaction and raises StoreError, one line, when the database cannot be reached or
    written, or when its rules (an unknown case or reader, a consensus by somebody who is no adjudicator, ...)
    are broken. When a method that writes returns, what it wrote is on the disk. Readers are named by their
    name, upper and lower case alike.
    """
