"""The webhook: a receiver is told that a review was finished, by its number alone.

Saves know nothing of it. A thread looks for finished reviews, keeps in the store's outbox which of them the
receiver has not confirmed, and sends each until it has: again and again, ever more rarely, for a day.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from magic_demo.core.errors import ReachError, StoreError, one_line
from magic_demo.reviews.store import Finished, Store

SECRET_VARIABLE = "MAGIC_DEMO_WEBHOOK_SECRET"
SHORTEST_SECRET = 16
SIGNATURE = "Magic-Demo-Signature"
"""``t=SECONDS,v1=HEX``: HMAC-SHA256 under the secret of ``SECONDS.BODY``."""
SEND_SECONDS = 20.0
"""How long a receiver may take to answer, from beginning to end."""
LOOK_SECONDS = 2.0
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)
MOST_TRIES = 32
"""About a day."""


@dataclass(frozen=True)
class Receiver:
    """Where it is told, and the secret that signs what is told."""

    url: str
    secret: str = field(repr=False)

    @property
    def digest(self) -> str:
        """Return what the store knows the receiver by."""
        return hashlib.sha256(self.url.encode()).hexdigest()


Send = Callable[[Receiver, bytes, Mapping[str, str]], int]
"""Sends a body, and returns the status of the answer. Raises OSError, HTTPException."""


def read_receiver(url: str, environment: Mapping[str, str]) -> Receiver:
    """Return the receiver at an address, with the secret from the environment. Raises ReachError."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url or parts.username is not None:
        raise ReachError("--webhook {url}: an address as https://host/path is expected", url=url[:200])
    secret = environment.get(SECRET_VARIABLE, "")
    if len(secret) < SHORTEST_SECRET:
        raise ReachError(
            "--webhook: set {variable} to a secret of {least} characters or more that the receiver knows too",
            variable=SECRET_VARIABLE,
            least=SHORTEST_SECRET,
        )
    return Receiver(url, secret)


def write_event(review: Finished) -> bytes:
    """Return what a receiver is told of a review: nothing that names anybody."""
    told = {
        "event": "review.done",
        "review": review.number,
        "kind": review.kind,
        "complete": review.complete,
        "saved_at": review.saved_at.isoformat(),
    }
    return json.dumps(told).encode()


def sign(secret: str, body: bytes, seconds: int) -> str:
    """Return the signature of a body that is sent now. seconds: since 1970."""
    code = hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={code}"


def post(receiver: Receiver, body: bytes, headers: Mapping[str, str], seconds: float = SEND_SECONDS) -> int:
    """Send a body to the receiver and nowhere else: no redirect is followed, no proxy asked.

    Raises OSError and HTTPException where no answer comes in time.
    """
    parts = urlsplit(receiver.url)
    host = parts.hostname or ""
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=seconds)
    )

    def cut() -> None:  # who sends a byte now and then never lets a wait of the socket end
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    late = threading.Timer(seconds, cut)
    late.daemon = True
    late.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, dict(headers))
        return connection.getresponse().status
    finally:
        late.cancel()
        connection.close()


class Teller:
    """Tells one receiver of one store's finished reviews."""

    def __init__(
        self,
        store: Store,
        receiver: Receiver,
        *,
        send: Send = post,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._receiver, self._send, self._now = store, receiver, send, now
        self._stop = threading.Event()

    def start(self) -> None:
        """Look for finished reviews again and again, in a thread of its own."""
        threading.Thread(target=self._work, name="webhook", daemon=True).start()

    def stop(self) -> None:
        """Look no more; what was not confirmed stays in the outbox."""
        self._stop.set()

    def _work(self) -> None:
        problem = ""
        while True:
            try:
                self.tell()
                problem = ""
            except StoreError as error:  # the next look may find the store again
                if str(error) != problem:
                    print(f"webhook: {error}", file=sys.stderr, flush=True)
                problem = str(error)
            if self._stop.wait(LOOK_SECONDS):
                return

    def tell(self) -> None:
        """Fill the outbox and send what is due. Raises StoreError."""
        receiver = self._receiver.digest
        self._store.fill_outbox(receiver, self._now())
        for number, tries in self._store.list_due(receiver, self._now()):
            if self._stop.is_set():
                return
            review = self._store.finished(number)
            if review is None:  # deleted with its case
                self._store.take_out(receiver, number)
                continue
            now = self._now()
            # counted before it is sent: who is interrupted, or has another process beside, sends it later or not
            if not self._store.claim_due(receiver, number, now, now + _wait_after(tries)):
                continue
            problem = self._try(review)
            if not problem:
                self._store.take_out(receiver, number)
            elif tries + 1 >= MOST_TRIES:
                self._store.take_out(receiver, number)
                print(f"webhook: review {number} is told no more ({problem})", file=sys.stderr, flush=True)

    def _try(self, review: Finished) -> str:
        """Send one, and return why it was not confirmed; empty where it was."""
        body = write_event(review)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Magic-Demo",
            SIGNATURE: sign(self._receiver.secret, body, int(self._now().timestamp())),
        }
        try:
            status = self._send(self._receiver, body, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return one_line(error)
        return "" if 200 <= status < 300 else f"status {status}"


def _wait_after(tries: int) -> timedelta:
    return min(FIRST_WAIT * (1 << min(tries, 16)), LONGEST_WAIT)
