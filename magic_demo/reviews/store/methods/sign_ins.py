"""What the store is asked of browsers that are signed in, so that every process that shows it knows them."""

from __future__ import annotations

from magic_demo.reviews.store.methods.opened import OpenedStore
from magic_demo.reviews.store.records import SignIn
from magic_demo.reviews.store.rows import sign_ins


class SignInMethods(OpenedStore):
    """Sign-ins, by the digest of a key; where the store cannot be written, none is kept."""

    def add_sign_in(self, digest: str, entry: SignIn, now: float) -> None:
        """Keep a sign-in, and forget those that are over at ``now``, in seconds since 1970. Raises StoreError."""
        if not self.read_only:
            with self._database.writing() as session:
                sign_ins.add_sign_in(session, digest, entry, now)

    def find_sign_in(self, digest: str) -> SignIn | None:
        """Return a sign-in, None where there is none. Raises StoreError."""
        with self._database.reading() as session:
            return sign_ins.find_sign_in(session, digest)

    def note_sign_in_use(self, digest: str, used: float) -> None:
        """Note when a sign-in was used last. Raises StoreError."""
        if not self.read_only:
            with self._database.writing() as session:
                sign_ins.note_use(session, digest, used)

    def end_sign_in(self, digest: str) -> None:
        """Forget a sign-in. Raises StoreError."""
        if not self.read_only:
            with self._database.writing() as session:
                sign_ins.end_sign_in(session, digest)
