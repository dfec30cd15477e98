"""Requests that a test holds back, or their answers, as a slow link does, and lets go."""

from __future__ import annotations

from typing import Literal

from playwright.sync_api import Page

HOLD = """
window.held = [];
window.answered = 0;
const sent = window.fetch;
window.fetch = async (...what) => {
  const body = what[1]?.body;
  const meant = window.hold && typeof body === "string" && window.hold.test(body);
  const wait = async (which) => { if (meant && window.holds === which && !window.free) await new Promise((go) => window.held.push(go)); };
  await wait("request");
  const answer = await sent(...what);
  await wait("answer");
  if (meant) window.answered += 1;
  return answer;
};
"""
"""A page's script: what the page sends that matches `window.hold`, or the server's answer to it, waits until it is let go, and is
counted once it is answered."""


def hold(page: Page, pattern: str, which: Literal["request", "answer"] = "request") -> None:
    """Hold back what the page sends from now on whose body matches a regular expression of JavaScript, or what the server answers
    to it at once (what waits in Gradio's queue is answered elsewhere)."""
    page.evaluate(
        "([pattern, which]) => { window.hold = new RegExp(pattern); window.holds = which; window.free = false; window.answered = 0; }",
        [pattern, which],
    )


def release(page: Page, answers: int = 0) -> None:
    """Let go what is held back, once something is, in the order in which it was sent; and wait for so many answers."""
    page.wait_for_function("window.held.length > 0")
    page.evaluate("() => { window.free = true; for (const go of window.held.splice(0)) go(); }")
    page.wait_for_function("(answers) => window.answered >= answers", arg=answers)
