"""Work that several threads ask for at once is done once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Value = TypeVar("Value")


class SingleFlight(Generic[Value]):
    """Makes a value once for all threads that ask for it while it is being made; keeps nothing afterwards."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, Future[Value]] = {}
        self._lock = threading.Lock()

    def do(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return what ``make`` returns, or what another thread's ``make`` under the same key is about to.

        Whoever keeps values looks for them within ``make``: a call that begins as another one ends makes anew.
        Raises what ``make`` raises, to all who waited for it. ``make`` must not ask for its own key: it would wait
        for itself.
        """
        own: Future[Value] = Future()
        with self._lock:
            first = self._under_way.setdefault(key, own)
        if first is not own:
            try:
                return first.result()
            finally:
                del own, first  # an error holds this frame, which would hold the error
        try:
            value = make()
        except BaseException as error:
            own.set_exception(error)
            raise
        else:
            own.set_result(value)
            return value
        finally:
            with self._lock:
                del self._under_way[key]
            del own, first  # an error holds this frame, which would hold the error
