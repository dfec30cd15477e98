"""Requests that a test holds back, as a slow link does, and lets go."""

from __future__ import annotations

from playwright.sync_api import Page

HOLD = """
window.held = [];
window.answered = 0;
const sent = window.fetch;
window.fetch = async (...what) => {
  const body = what[1]?.body;
  const meant = window.hold && typeof body === "string" && window.hold.test(body);
  if (meant && !window.free) await new Promise((go) => window.held.push(go));
  const answer = await sent(...what);
  if (meant) window.answered += 1;
  return answer;
};
"""
"""A page's script: what the page sends that matches `window.hold` waits until it is let go, and is counted once it is answered."""


def hold(page: Page, pattern: str) -> None:
    """Hold back what the page sends from now on whose body matches a regular expression of JavaScript."""
    page.evaluate(
        "(pattern) => { window.hold = new RegExp(pattern); window.free = false; window.answered = 0; }",
        pattern,
    )


def release(page: Page, answers: int = 0) -> None:
    """Let go what is held back, once something is, in the order in which it was sent; and wait for so many answers."""
    page.wait_for_function("window.held.length > 0")
    page.evaluate("() => { window.free = true; for (const go of window.held.splice(0)) go(); }")
    page.wait_for_function("(answers) => window.answered >= answers", arg=answers)
