"""Wrong passwords, counted: how many more somebody may try.

The right password counts for nothing, however often it comes.

A try is counted for its source and name together, for its source, and for its name; for who signed in here
before, with the device's cookie, for that device alone, so that no stranger's tries keep them out.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from dataclasses import dataclass

from magic_demo.core.limits import LIMITS


@dataclass(frozen=True)
class Allowance:
    """Wrong tries: how many at once, and how many a second for long."""

    burst: float
    per_second: float


PAIR = Allowance(LIMITS.sign_in_tries, 1 / 60)
"""Of one name from one source, and of one name from a device that it has signed in on."""
SOURCE = Allowance(6 * LIMITS.sign_in_tries, 1 / 10)
"""From one source, whoever's names: a clinic may share one."""
NAME = Allowance(20 * LIMITS.sign_in_tries, 1 / 10)
"""Of one name from everywhere: many computers that guess together keep out who comes with a new device."""
MOST = 8192
"""Counts that are held; beyond twice as many those go that have most tries left."""
REFUSED_SECONDS = 1.0
"""How long who has tried too often waits at least for being told so."""
REFUSED_TOGETHER = 6
"""Refusals that leave in that time, whoever tried: connections that do nothing but guess come no more often, and
take no processor from those who save."""
LONGEST_REFUSAL = 30
"""How many times that long a refusal waits at most."""


class Refusals:
    """When those leave that were refused for too many tries."""

    def __init__(self, least: float = REFUSED_SECONDS) -> None:
        self._least = least
        self._last = 0.0

    def wait(self, now: float) -> float:
        """Return how many seconds from ``now`` the next refusal waits."""
        turn = max(self._last + self._least / REFUSED_TOGETHER, now + self._least)
        self._last = min(turn, now + LONGEST_REFUSAL * self._least)
        return self._last - now


class WrongTries:
    """The counts, each of which falls with time. They hold no name and no address longer than they matter."""

    def __init__(self, clock: Callable[[], float], *, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._used: dict[tuple[str, ...], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._used)

    def allows(self, source: str, name: str, device: str | None) -> bool:
        """Return whether one more try may be looked at. device: the one that the name has signed in on
        before, None for no known one."""
        with self._lock:
            return all(
                self._count(key, each) + 1 <= each.burst for key, each in _list_counts(source, name, device)
            )

    def note_wrong(self, source: str, name: str, device: str | None) -> None:
        """Count a wrong try."""
        with self._lock:
            for key, each in _list_counts(source, name, device):
                self._used[key] = (self._count(key, each) + 1, self._clock())
            if len(self._used) > 2 * self._most:
                self._forget()

    def note_right(self, source: str, name: str, device: str | None) -> None:
        """Forget what was tried of the name from here before: it was its reader who mistyped.

        What others tried stays counted.
        """
        with self._lock:
            self._used.pop(_list_counts(source, name, device)[0][0], None)

    def _count(self, key: tuple[str, ...], each: Allowance) -> float:
        used, when = self._used.get(key, (0.0, 0.0))
        return max(0.0, used - (self._clock() - when) * each.per_second)

    def _forget(self) -> None:
        """Keep those that are nearest to their end: who sends names by the thousand must not make another
        name's count forgotten."""
        shares = {
            key: self._count(key, _ALLOWANCES[key[0]]) / _ALLOWANCES[key[0]].burst for key in self._used
        }
        largest = sorted(
            (key for key in shares if shares[key] > 0), key=lambda key: shares[key], reverse=True
        )[: self._most]
        self._used = {key: self._used[key] for key in largest}


_ALLOWANCES = {"pair": PAIR, "device": PAIR, "source": SOURCE, "name": NAME}


def _list_counts(source: str, name: str, device: str | None) -> list[tuple[tuple[str, ...], Allowance]]:
    if device is not None:
        return [(("device", device, name), PAIR)]
    return [(("pair", source, name), PAIR), (("source", source), SOURCE), (("name", name), NAME)]


def find_source(address: str) -> str:
    """Return what counts as one source: an address, of IPv6 the network of 2^64 that one household or clinic
    is given."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
