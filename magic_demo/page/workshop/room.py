"""The audience board: rooms in memory in which many browsers answer the same questions of a case, one answer
each, without names.

A presenter opens a room, gets its code to show and a key to keep; who joins by the code gets a random token
and nothing else. One question is asked at a time. An answer can be changed until the presenter moves on or
reveals what the model says: later ones would be copied. Rooms are forgotten when they were idle for long,
when there are too many, when their presenter closes them, and when the program ends.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from magic_demo.core.errors import BoardError
from magic_demo.core.messages import Message
from magic_demo.reviews.agreement import krippendorffs_alpha

MAX_ROOMS = 16
MAX_PARTICIPANTS = 250
"""In one room."""
IDLE_SECONDS = 2 * 60 * 60.0
"""After this long without anybody looking at it a room is forgotten."""
PRESENT_SECONDS = 20.0
"""Who has not looked for so long is not counted as present; the answers stay."""
TWO = 2
"""It takes two to agree, and two cases to tell agreement from chance."""


@dataclass(frozen=True)
class Opened:
    """A new room. code: four digits, for everybody; key: a secret of the presenter's browser."""

    code: str
    key: str


@dataclass(frozen=True)
class Standing:
    """What the board shows of a room's question.

    case, index: which case, and which of the questions. present: participants who looked lately or have
    answered this question.
    counts: how many chose each option. agreement: share of the pairs of participants who answered alike,
    0..1; None below two answers.
    alpha: Krippendorff's (nominal) of this question over the ``alpha_cases`` cases that at least two
    answered; None below two such cases, or where everybody always gave one and the same answer. agreements:
    the agreement on each question of this case.
    """

    case: int
    index: int
    revealed: bool
    present: int
    counts: tuple[int, ...]
    agreement: float | None
    alpha: float | None
    alpha_cases: int
    agreements: tuple[float | None, ...]

    @property
    def answered(self) -> int:
        """Return how many have answered the question."""
        return sum(self.counts)


@dataclass(frozen=True)
class Seat:
    """What one participant is asked: ``own`` is the option chosen so far, ``open`` whether it may still
    change."""

    case: int
    index: int
    open: bool
    own: int | None


@dataclass
class _Room:
    key: str
    case: int
    touched: float
    index: int = 0
    revealed: set[tuple[int, int]] = field(default_factory=set)
    seen: dict[str, float] = field(default_factory=dict)
    answers: dict[tuple[int, int], dict[str, int]] = field(default_factory=dict)

    @property
    def question(self) -> tuple[int, int]:
        return self.case, self.index


class Board:
    """All rooms. Every method may be called from any thread.

    options: how many each question has. cases: how many can be shown. clock: seconds that only grow.
    """

    def __init__(
        self, options: Sequence[int], cases: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._options = tuple(options)
        self._cases = cases
        self._clock = clock
        self._rooms: OrderedDict[str, _Room] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            self._forget_idle()
            return len(self._rooms)

    def open(self, case: int = 0) -> Opened:
        """Open a room that shows ``case``; the one that nobody has looked at for longest makes room for
        it."""
        self._check(case, self._cases, Message("case"))
        with self._lock:
            self._forget_idle()
            code = str(1000 + secrets.randbelow(9000))
            while code in self._rooms:
                code = str(1000 + secrets.randbelow(9000))
            room = _Room(secrets.token_urlsafe(16), case, self._clock())
            self._rooms[code] = room
            while len(self._rooms) > MAX_ROOMS:
                self._rooms.popitem(last=False)
        return Opened(code, room.key)

    def join(self, code: str) -> str:
        """Return a token for a new participant.

        Raises BoardError where there is no such room, or no place in it.
        """
        with self._lock:
            room = self._room(code)
            if len(room.seen) >= MAX_PARTICIPANTS:
                raise BoardError(
                    "full",
                    "room {code} has {limit} participants and takes no more",
                    code=code,
                    limit=MAX_PARTICIPANTS,
                )
            token = secrets.token_urlsafe(12)
            room.seen[token] = self._clock()
            return token

    def answer(self, code: str, token: str, case: int, index: int, option: int) -> Seat:
        """Take a participant's answer, in place of an earlier one.

        Raises BoardError where the question is not the one open now.
        """
        with self._lock:
            room = self._room(code)
            self._look_in(room, token)
            if (case, index) != room.question or room.question in room.revealed:
                raise BoardError(
                    "closed", "this question is closed; another is asked now, or the model's answer is shown"
                )
            self._check(option, self._options[index], Message("option"))
            room.answers.setdefault(room.question, {})[token] = option
            return self._seat(room, token)

    def sit(self, code: str, token: str) -> Seat:
        """Return what a participant is asked now."""
        with self._lock:
            room = self._room(code)
            self._look_in(room, token)
            return self._seat(room, token)

    def stand(self, code: str, key: str) -> Standing:
        """Return what the presenter's board shows."""
        with self._lock:
            return self._standing(self._presented(code, key))

    def turn(self, code: str, key: str, *, case: int, index: int) -> Standing:
        """Ask another question, or one of another case.

        Answers stay; only the question that is shown takes new ones.
        """
        self._check(case, self._cases, Message("case"))
        self._check(index, len(self._options), Message("question"))
        with self._lock:
            room = self._presented(code, key)
            room.case, room.index = case, index
            return self._standing(room)

    def reveal(self, code: str, key: str) -> Standing:
        """Show what the model says of the question, and close it."""
        with self._lock:
            room = self._presented(code, key)
            room.revealed.add(room.question)
            return self._standing(room)

    def close(self, code: str, key: str) -> None:
        """Forget a room and all its answers; nothing happens where it is gone already."""
        with self._lock:
            room = self._rooms.get(code)
            if room is not None and secrets.compare_digest(room.key.encode(), key.encode()):
                del self._rooms[code]

    def _forget_idle(self) -> None:
        """Rooms lie in the order in which they were looked at last."""
        while self._rooms and self._clock() - next(iter(self._rooms.values())).touched > IDLE_SECONDS:
            self._rooms.popitem(last=False)

    def _room(self, code: str) -> _Room:
        self._forget_idle()
        room = self._rooms.get(code)
        if room is None:
            raise BoardError("gone", "there is no room of this code; it was closed, or the code is another")
        room.touched = self._clock()
        self._rooms.move_to_end(code)
        return room

    def _presented(self, code: str, key: str) -> _Room:
        room = self._room(code)
        if not secrets.compare_digest(room.key.encode(), key.encode()):
            raise BoardError("gone", "this browser did not open the room; open one of its own")
        return room

    def _look_in(self, room: _Room, token: str) -> None:
        if token not in room.seen:
            raise BoardError("gone", "this browser has not joined the room; join it by its code")
        room.seen[token] = self._clock()

    @staticmethod
    def _seat(room: _Room, token: str) -> Seat:
        return Seat(
            room.case,
            room.index,
            room.question not in room.revealed,
            room.answers.get(room.question, {}).get(token),
        )

    def _standing(self, room: _Room) -> Standing:
        given = room.answers.get(room.question, {})
        lately = self._clock() - PRESENT_SECONDS
        alpha, cases = self._alpha(room)
        return Standing(
            case=room.case,
            index=room.index,
            revealed=room.question in room.revealed,
            present=len({token for token, seen in room.seen.items() if seen >= lately} | set(given)),
            counts=self._count(room, room.index),
            agreement=agree_in_pairs(self._count(room, room.index)),
            alpha=alpha,
            alpha_cases=cases,
            agreements=tuple(agree_in_pairs(self._count(room, index)) for index in range(len(self._options))),
        )

    def _count(self, room: _Room, index: int) -> tuple[int, ...]:
        given = list(room.answers.get((room.case, index), {}).values())
        return tuple(given.count(option) for option in range(self._options[index]))

    def _alpha(self, room: _Room) -> tuple[float | None, int]:
        """Return alpha of the question over cases, and over how many.

        Over the questions of one case it would mean nothing.
        """
        cases = [
            given for (_, index), given in room.answers.items() if index == room.index and len(given) >= TWO
        ]
        if len(cases) < TWO:
            return None, len(cases)
        return krippendorffs_alpha(
            np.array([[given.get(token, -1) for given in cases] for token in room.seen])
        ), len(cases)

    @staticmethod
    def _check(number: int, count: int, what: Message) -> None:
        if not 0 <= number < count:
            raise BoardError(
                "invalid",
                "{what} {number} does not exist; there are {count}, counted from 0",
                what=what,
                number=number,
                count=count,
            )


def agree_in_pairs(counts: Sequence[int]) -> float | None:
    """Return the share of pairs of voices that chose the same option, 0..1; None below two voices."""
    total = sum(counts)
    if total < TWO:
        return None
    return sum(count * (count - 1) for count in counts) / (total * (total - 1))
