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

/**
 * Call back whenever something else stands in the text box of this element id: typed, or written by Gradio, which sets the element's `value` and tells
 * nobody, before or after the other components of one answer get theirs.
 */
export function watchField(id, callback) {
  const box = document.querySelector(`#${id}`);
  const watched = new WeakSet();
  function find() {
    for (const field of box.querySelectorAll("textarea, input")) {
      if (watched.has(field)) continue;
      watched.add(field);
      const { get, set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value");
      Object.defineProperty(field, "value", {
        configurable: true,
        enumerable: true,
        get() { return get.call(this); },
        set(value) {
          set.call(this, value);
          callback();
        },
      });
    }
  }
  box.addEventListener("input", callback);
  new MutationObserver(() => { // Gradio has drawn the box anew
    find();
    callback();
  }).observe(box, { childList: true, subtree: true });
  find();
}
