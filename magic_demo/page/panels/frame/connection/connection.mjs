// Whether the server is there: asked again and again, and said where it is not. What was changed meanwhile is kept in this tab
// (unsaved.mjs), sent again once the program answers, and put back where the page is loaded anew.

import { sendRest, unsaved } from "../../review/saving/review_line.mjs";
import { pageState } from "../page_state.mjs";
import { readerOfDrafts } from "../../case/unkept/sign_out.mjs";

const EVERY = 4000; // milliseconds
const SOON = 1500;
const LATE = 6000; // an answer that takes longer is none
const STUCK = 20_000; // a change that waits so long for its answer, from a program that is there, went nowhere
const RELOADED = "magic-demo-reloaded"; // the change for which the page was loaded anew: once is enough
const GRACE = 3000; // what was on its way when the connection came back has so long to be saved

const shown = (name) => document.querySelector(name)?.getClientRects().length > 0;

export function watchConnection(element) {
  const bar = element.querySelector("#connection");
  const reader = readerOfDrafts(); // who was signed in when the page was opened
  let run = null; // which life of the program the page was opened on
  let state = "there";
  let timer = null;
  document.body.append(bar); // over the page, not inside one of its parts

  /** Return "there", "lost", "signed-out" or "restarted". */
  async function ask() {
    try {
      const open = document.querySelector(".cards")?.cards?.state.case ?? "";
      const answer = await fetch(`alive?case=${encodeURIComponent(open)}`, { cache: "no-store", signal: AbortSignal.timeout(LATE) });
      if (answer.status === 401) return "signed-out";
      if (!answer.ok) return "lost";
      const now = await answer.text();
      run ??= now;
      return now === run ? "there" : "restarted";
    } catch {
      return "lost";
    }
  }

  async function look() {
    clearTimeout(timer);
    const before = state;
    state = await ask();
    if (state === "restarted") {
      sendRest(null); // what rests in the cards and in the viewer is kept in the tab, too
      if (!shown("#keep")) {
        location.reload();
        return;
      }
    }
    if (before === "signed-out" && state === "there" && readerOfDrafts() !== reader) {
      sendRest(null);
      location.reload(); // the page is another reader's, or of a time when nobody signed in: nothing that it asks for is answered
      return;
    }
    bar.hidden = state === "there";
    document.documentElement.toggleAttribute("data-disconnected", state !== "there");
    bar.dataset.says = pageState.connection = state;
    if (state === "there") sendAgain();
    if (before !== "there" && state === "there" && unsaved.pending) setTimeout(() => unsaved.pending && location.reload(), GRACE);
    timer = setTimeout(look, state === "there" ? EVERY : SOON);
  }

  /** Send what was not answered once more. Where that goes nowhere, as the page has lost its line to the program, the page is loaded anew. */
  function sendAgain() {
    for (const save of unsaved.due()) document.dispatchEvent(new CustomEvent("review-again", { detail: save }));
    const stuck = unsaved.stuck(STUCK);
    if (stuck === null || shown("#keep")) return;
    try {
      if (sessionStorage.getItem(RELOADED) === stuck) return;
      sessionStorage.setItem(RELOADED, stuck);
    } catch {
      return; // a browser that keeps nothing would lose it
    }
    sendRest(null);
    location.reload();
  }

  bar.querySelector("#connection-reload").addEventListener("click", () => location.reload());
  window.addEventListener("online", look);
  window.addEventListener("offline", look);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  window.addEventListener("beforeunload", (event) => {
    if (state !== "there" && state !== "restarted" && unsaved.pending) event.preventDefault(); // closing the tab would lose it
  });
  look();
}
