// What the page's scripts know of elements that Gradio draws: the notes it puts over the page, and the fields inside its text boxes.

const FAILED = ".toast-body.error, .toast-wrap";

/** Call back whenever Gradio says in a note of its own, in English alone, that a request has failed; the page hides the note (gradio.css). */
export function onFailureNote(callback) {
  new MutationObserver((changes) => {
    const notes = changes.flatMap(({ addedNodes }) => [...addedNodes]).filter((node) => node.nodeType === Node.ELEMENT_NODE);
    if (notes.some((node) => node.matches(FAILED) || node.querySelector(".toast-body.error"))) callback();
  }).observe(document.body, { childList: true, subtree: true });
}

/** Return what stands in the text box of this element id. */
export const readField = (id) => document.querySelector(`#${id} textarea, #${id} input`)?.value ?? "";
