// Which files of a paste or a drop are photos that the reader gives the page. No DOM but what is handed in: node tests it.

import { isField } from "../frame/keys/keyboard.mjs";

const TEXTS = ["text/plain", "text/uri-list", "text/rtf"];

/** The last part of a path or an address, as a file's name. */
function nameOf(line) {
  const last = line.trim().split(/[\\/]/).at(-1);
  try {
    return decodeURIComponent(last);
  } catch {
    return last; // a name with a lone %
  }
}

/** Whether a text is only what the files are called, which file managers send along with them. */
function namesFiles(text, files) {
  const names = new Set(files.map((file) => file.name.normalize()));
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim());
  return lines.every((line) => names.has(line.trim().normalize()) || names.has(nameOf(line).normalize()));
}

/** The words of a piece of HTML; a picture alone has none. */
function wordsOf(html) {
  return html
    .replace(/<!--[\s\S]*?-->|<(style|script|title|head)\b[\s\S]*?<\/\1\s*>/gi, "")
    .replace(/<[^>]*>|&nbsp;|\ufffc/gi, "")
    .trim();
}

/**
 * Return the files of a DataTransfer where they came alone. Office programs add a picture of the text that they copy, and browsers add one of a link or
 * a picture that is dragged: who has text there means the text.
 */
export function filesAlone(transfer) {
  const files = [...(transfer?.files ?? [])];
  if (!files.length) return [];
  if (TEXTS.some((type) => !namesFiles(transfer.getData(type) ?? "", files))) return [];
  return wordsOf(transfer.getData("text/html") ?? "") && !namesFiles(wordsOf(transfer.getData("text/html")), files) ? [] : files;
}

/** Return the photos of a paste: none where it is meant for a field, whatever is on the clipboard. */
export function pastedPhotos(event) {
  return isField(event.target) ? [] : filesAlone(event.clipboardData);
}

/** Return the photos of a drop. within: the drag began on this page, and can only carry what the page shows. */
export function droppedPhotos(event, within) {
  return within ? [] : filesAlone(event.dataTransfer);
}

/** Whether a drag that is over the page may bring photos; what it carries is not told before it is dropped. */
export function bringsPhotos(event, within) {
  const types = [...(event.dataTransfer?.types ?? [])];
  return !within && types.includes("Files") && !types.includes("text/html");
}
