// Whether the server is there: asked again and again, and said where it is not. What was changed meanwhile is kept in this tab
// (unsaved.mjs) and put back once the program answers again, which loads the page anew.

import { sendRest, unsaved } from "./review_line.mjs";

const EVERY = 4000; // milliseconds
const SOON = 1500;
const LATE = 6000; // an answer that takes longer is none
const GRACE = 3000; // what was on its way when the connection came back has so long to be saved

const shown = (name) => document.querySelector(name)?.getClientRects().length > 0;

export function watchConnection(element) {
  const bar = element.querySelector("#connection");
  let run = null; // which life of the program the page was opened on
  let state = "there";
  let timer = null;
  document.body.append(bar); // over the page, not inside one of its parts

  /** Return "there", "lost", "signed-out" or "restarted". */
  async function ask() {
    try {
      const answer = await fetch("gradio_api/app_id", { cache: "no-store", signal: AbortSignal.timeout(LATE) });
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
    bar.hidden = state === "there";
    document.documentElement.toggleAttribute("data-disconnected", state !== "there");
    bar.dataset.says = state;
    if (before !== "there" && state === "there" && unsaved.pending) setTimeout(() => unsaved.pending && location.reload(), GRACE);
    timer = setTimeout(look, state === "there" ? EVERY : SOON);
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
