"""``python -m tests.robustness.load.sign_in_flood ADDRESS CONNECTIONS NAME...``: guess at passwords as fast as
answers come, until the input ends; then say what was answered.

Each connection asks again as soon as it is answered: for one of the names, and for names that nobody has.
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
from collections import Counter

import httpx


def guess(address: str, names: list[str], told: Counter[str], stopping: threading.Event, place: int) -> None:
    """Guess on one connection until it is to stop."""
    turn = place
    with httpx.Client(base_url=address, timeout=120) as http:
        while not stopping.is_set():
            turn += 1
            name = names[turn % len(names)] if turn % 2 else secrets.token_hex(6)
            try:
                told[
                    str(
                        http.post(
                            "/sign-in", data={"name": name, "password": secrets.token_hex(8)}
                        ).status_code
                    )
                ] += 1
            except httpx.HTTPError as error:
                told[type(error).__name__] += 1
                stopping.wait(0.1)


def main(address: str, connections: int, names: list[str]) -> None:
    """Flood the address and print the counts by status as JSON."""
    told: Counter[str] = Counter()
    stopping = threading.Event()
    for place in range(connections):
        threading.Thread(target=guess, args=(address, names, told, stopping, place), daemon=True).start()
    sys.stdin.read()
    stopping.set()
    print(json.dumps(dict(told)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
