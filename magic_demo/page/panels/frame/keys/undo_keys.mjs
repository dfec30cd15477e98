// Z and Y, alone or with Ctrl: take back what was done last, or do it again, wherever on the page it was done. In a field they are the field's.

import { journal } from "./journal.mjs";
import { isField, onKey } from "./keyboard.mjs";

onKey(document, ({ key, alt, shift }, event) => {
  if (alt || (key !== "z" && key !== "y") || journal.case === null) return;
  if (isField(event.target) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  if (key === "y" || shift) journal.redo();
  else journal.undo();
});
