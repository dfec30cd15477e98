// What the review must wait for: how many changes of the open case the browser has sent, and everything that still rests sent at once.

const counts = new Map(); // case -> changes sent

/** Count one change of a case. */
export function countChange(caseId) {
  counts.set(caseId, (counts.get(caseId) ?? 0) + 1);
}

/** Send what still rests in the cards and in the viewer, and return how many changes of the case were sent in all. */
export function sendRest(caseId) {
  document.querySelector(".cards")?.cards?.flush();
  document.querySelector("#viewer-stage")?.viewer?.flush();
  document.dispatchEvent(new CustomEvent("review-rest"));
  return counts.get(caseId) ?? 0;
}

document.addEventListener("cards-tell", ({ detail }) => detail.event === "answers" && countChange(detail.case));
document.addEventListener("viewer-tells", ({ detail }) => "runs" in detail && countChange(detail.case));

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
