"""How the page's events are sent: what Gradio does with one that comes while another of its name is on its way. Its usual
"once" drops it."""

from __future__ import annotations

from typing import Any

from magic_demo.page.session.inference.turns import MOST_WAITING

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Settings of every event: no loading veil over the page (the status line says what goes on), no endpoint for
strangers."""
CHANGES: dict[str, Any] = {**QUIET, "queue": False, "trigger_mode": "multiple"}
"""Of what holds something that may not be lost: each is sent."""
NEWEST: dict[str, Any] = {**QUIET, "queue": False, "trigger_mode": "always_last"}
"""Of what the last counts of: it is sent when the answer is there (``gradio_internals/newest.mjs``)."""
MODELS: dict[str, Any] = {**QUIET, "concurrency_id": "models", "concurrency_limit": MOST_WAITING}
"""Of what asks the models."""
ANALYSIS: dict[str, Any] = {**MODELS, "trigger_mode": "multiple"}
"""Of an analysis: that of the case before may not have stopped yet."""
