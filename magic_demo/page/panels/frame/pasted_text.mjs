// Browsers cut a pasted text at a field's length without a word: how much of it was taken is said beside the field until it is left or changed.

const GAP = 4; // pixels between the line and the field, or the edge of the window

/** Return how many characters of a pasted text a field takes, as `maxlength` counts them; null where it takes all. */
export function cutAfter(text, { tagName, value, maxLength, selectionStart, selectionEnd }) {
  const lines = text.replace(/\r\n?/g, "\n"); // as fields hold them
  const pasted = tagName === "INPUT" ? lines.replace(/\n+$/, "") : lines;
  const room = Math.max(0, maxLength - value.length + (selectionEnd ?? 0) - (selectionStart ?? 0));
  return pasted.length > room ? pasted.slice(0, room).replace(/[\ud800-\udbff]$/, "").length : null; // no half of a character is taken
}

/** Listen to what is pasted into the page's fields. */
export function watchPastedText() {
  let field = null;
  const line = () => document.querySelector("#paste-cut > span");

  function putBeside() {
    if (!field) return;
    const { left, top, bottom } = field.getBoundingClientRect();
    const height = line().offsetHeight + GAP;
    line().style.left = `${Math.max(GAP, Math.min(left, document.documentElement.clientWidth - line().offsetWidth - GAP))}px`;
    line().style.top = `${bottom + height > window.innerHeight ? top - height : bottom + GAP}px`;
  }

  function hide() {
    if (field) line().hidden = true;
    field = null;
  }

  document.addEventListener("paste", (event) => {
    hide();
    const { target, clipboardData } = event;
    if (event.defaultPrevented || !(target.maxLength > 0) || target.readOnly || !line()) return;
    const taken = cutAfter(clipboardData?.getData("text/plain") ?? "", target);
    if (taken === null) return;
    field = target;
    line().querySelector("b").textContent = taken;
    line().hidden = false;
    putBeside();
  });
  document.addEventListener("input", (event) => {
    if (event.inputType !== "insertFromPaste") hide();
  });
  document.addEventListener("focusout", () => {
    if (document.activeElement !== field) hide(); // it stays the active one where only the window is left
  });
  document.addEventListener("scroll", putBeside, { capture: true, passive: true });
}
