// The one place that decides what the status line shows. The server says what became of each step; whether that may be shown as a success is seen
// here: not while the server is out of reach, and not while something that was changed is not saved.

import { onFailureNote } from "../../../gradio_internals/elements.mjs";
import { unsaved } from "../../review/saving/review_line.mjs";
import { pageState } from "../page_state.mjs";
import { decide, nowOfModels } from "./status_choice.mjs";

const EVERY = 250; // milliseconds
const PATIENCE = 1000; // what Gradio reports of a request that failed, the server's own line follows within so long

export function watchStatus(element, { props, watch }) {
  const instead = document.querySelector("#status-instead");
  let shown = "line";
  let failed = false;
  const foot = element.closest("#status") ?? element;
  foot.append(instead);

  function show() {
    const next = decide({ connection: pageState.connection, failed, pending: unsaved.pending, state: element.querySelector(".status")?.dataset.state });
    if (next === shown) return;
    shown = next;
    instead.hidden = shown === "line";
    instead.dataset.shows = shown;
    foot.toggleAttribute("data-instead", shown !== "line");
  }

  function takeModels() {
    const line = nowOfModels(props.value, props);
    if (line !== props.value) props.value = line;
    show();
  }

  onFailureNote(() =>
    setTimeout(() => {
      failed = true;
      show();
    }, PATIENCE),
  );

  watch("models", takeModels);
  watch("value", () => {
    failed = false;
    show();
  });
  setInterval(show, EVERY); // whether all is saved changes without a word
  takeModels();
}
