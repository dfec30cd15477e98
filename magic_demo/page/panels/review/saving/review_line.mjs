// What the review must wait for: how many changes of the open case the browser has sent, and everything that still rests sent at once.

import { isField, onKey } from "../../frame/keys/keyboard.mjs";
import { keyOf } from "../../viewer/masks/outline_names.mjs";
import { Unsaved } from "./unsaved.mjs";

/** What was sent of the open case and is not saved yet. */
export const unsaved = new Unsaved(sessionStorage);

/** Send what still rests in the cards and in the viewer, and return how many changes of the case were sent in all. */
export function sendRest(openId) {
  document.querySelector(".cards")?.cards?.flush();
  document.querySelector("#viewer-stage")?.viewer?.flush();
  document.dispatchEvent(new CustomEvent("review-rest"));
  return unsaved.sent(openId);
}

// Both are told before the server is: what they send is written down here, and gets what the server needs to know with it.
document.addEventListener("cards-tell", ({ detail }) => detail.event === "answers" && unsaved.note(detail.payload.case, "answers", detail.payload));
document.addEventListener("viewer-tells", ({ detail }) => {
  if ("runs" in detail) unsaved.note(detail.case, `mask ${keyOf(detail.photo, detail.label)}`, detail);
  else if ("ruler" in detail) unsaved.note(detail.case, `ruler ${detail.photo}`, detail);
  else if ("comments" in detail) unsaved.note(detail.case, `remarks ${detail.photo}`, detail);
  else if (unsaved.of(detail.case)) detail.of = unsaved.of(detail.case);
});

/** The server says what of a case is in the store, and what came from another tab; the page's parts take that over. */
export function hearSaved(saved) {
  if (saved.merged && saved.case === unsaved.now) sendRest(saved.case); // what rests was changed without knowing of it
  const merged = unsaved.confirm(saved);
  if (merged && saved.case === unsaved.now) document.dispatchEvent(new CustomEvent("review-merged", { detail: { ...merged, case: saved.case } }));
  document.dispatchEvent(new CustomEvent("review-conflicts"));
}

/** The reader has chosen what holds where two tabs differ: this tab's own is sent once more, and shown. */
export function chooseSaved(id, mine) {
  const payload = unsaved.choose(id, mine);
  if (!payload) return;
  const { case: openId, part } = payload;
  const note = part === "note" ? Object.fromEntries(payload.touched.filter((field) => field in payload).map((field) => [field, payload[field]])) : {};
  for (const field of payload.touched ?? []) if (field.startsWith("unusable ")) note.unusable = { [field.slice(9)]: payload.unusable.length > 0 };
  const masks = part?.startsWith("mask ") ? { [keyOf(payload.photo, payload.label)]: payload.runs && { width: payload.width, height: payload.height, runs: payload.runs, clicks: payload.clicks } } : {};
  const rulers = part?.startsWith("ruler ") ? { [payload.photo]: payload.ruler } : {};
  const remarks = part?.startsWith("remarks ") ? { [payload.photo]: payload.comments } : {};
  document.dispatchEvent(new CustomEvent("review-merged", { detail: { case: openId, answers: payload.answers ?? {}, specified: payload.specified ?? {}, masks, rulers, remarks, note } }));
  unsaved.note(openId, part, payload);
  document.dispatchEvent(new CustomEvent("review-again", { detail: { case: openId, of: unsaved.of(openId), parts: [payload] } }));
}

/** Shift and a letter are about the case as a whole: no other part of the page has them. Calls what `keys` holds for the letter. */
export function followShiftKeys(keys) {
  onKey(
    window,
    ({ key, ctrl, alt, shift }, event) => {
      if (!shift || ctrl || alt || event.repeat || key.length !== 1 || isField(event.target)) return;
      const act = keys[key.toUpperCase()];
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
    for (const element of root.querySelectorAll(`[data-${attribute}-${language}]`)) element.setAttribute(attribute, element.getAttribute(`data-${attribute}-${language}`));
  }
}
