// What the review must wait for: how many changes of the open case the browser has sent, and everything that still rests sent at once.

import { Unsaved } from "./unsaved.mjs";

/** What was sent of the open case and is not saved yet. */
export const unsaved = new Unsaved(sessionStorage);

/** Send what still rests in the cards and in the viewer, and return how many changes of the case were sent in all. */
export function sendRest(caseId) {
  document.querySelector(".cards")?.cards?.flush();
  document.querySelector("#viewer-stage")?.viewer?.flush();
  document.dispatchEvent(new CustomEvent("review-rest"));
  return unsaved.sent(caseId);
}

document.addEventListener("cards-tell", ({ detail }) => detail.event === "answers" && unsaved.note(detail.case, "answers", detail));
document.addEventListener("viewer-tells", ({ detail }) => "runs" in detail && unsaved.note(detail.case, `mask ${detail.photo}`, detail));

/** Shift and a letter are about the case as a whole: no other part of the page has them. Calls what `keys` holds for the letter. */
export function followShiftKeys(keys) {
  window.addEventListener(
    "keydown",
    (event) => {
      if (!event.shiftKey || event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.key.length !== 1) return;
      if (event.target.closest?.("input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, [contenteditable=true]")) return;
      const act = keys[event.key.toUpperCase()];
      if (!act || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      act();
    },
    { capture: true },
  );
}

/** Put the choices of a list, and hints in fields, into the language shown. */
export function relabel(root) {
  const language = document.documentElement.dataset.language ?? "en";
  for (const attribute of ["label", "placeholder"]) {
    for (const one of root.querySelectorAll(`[data-${attribute}-${language}]`)) one.setAttribute(attribute, one.getAttribute(`data-${attribute}-${language}`));
  }
}
