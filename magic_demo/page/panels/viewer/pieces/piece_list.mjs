// The list of an outline's lesions under the photo: a line each with its measures, and what the reader says of it.

import { onKey } from "../../frame/keys/keyboard.mjs";
import { MOST_CHARACTERS } from "./remarks.mjs";

/**
 * word(name): text in the language shown. choose(number): the reader means this lesion. say(key, text): a comment was written; key: as in draw().
 */
export function openPieceList(root, { word, choose, say }) {
  const list = root.querySelector("#viewer-pieces-list");
  let drawn = "";
  let drawing = false;

  /** lines: [{number: 0 for a comment on no lesion, facts: [text], comments: [{key, text}]}]. */
  function draw(lines, language) {
    const content = JSON.stringify([lines, language]);
    if (content === drawn) return;
    drawn = content;
    const held = list.contains(document.activeElement) ? document.activeElement : null;
    const { key, line } = held?.dataset ?? {};
    const piece = held?.closest("li").dataset.piece; // a comment that was just written has another key
    const [typed, caret] = [held?.value, held?.selectionStart];
    drawing = true; // a field that is taken away while somebody types in it says "change", and what is typed goes on in the new one
    list.replaceChildren(...lines.map(row));
    drawing = false;
    if (!held) return;
    const again = list.querySelector(key !== undefined ? `[data-key="${key}"]` : `[data-line="${line}"]`) ?? list.querySelector(`[data-piece="${piece}"] input`);
    if (again?.dataset.key === key && key !== undefined) {
      again.value = typed;
      again.setSelectionRange(caret, caret);
    }
    again?.focus({ preventScroll: true });
  }

  function row({ number, facts, comments }) {
    const item = document.createElement("li");
    item.dataset.piece = String(number);
    if (number) item.append(line(number, facts));
    else item.append(Object.assign(document.createElement("span"), { className: "piece-line", textContent: facts.join(" · ") }));
    item.append(...comments.map(({ key, text }) => field(number, key, text)));
    return item;
  }

  function line(number, facts) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "piece-line" });
    button.dataset.line = String(number);
    button.setAttribute("aria-pressed", "false");
    button.append(Object.assign(document.createElement("b"), { textContent: String(number) }), ` ${facts.join(" · ")}`);
    button.addEventListener("click", () => choose(number));
    return button;
  }

  function field(number, key, text) {
    const input = Object.assign(document.createElement("input"), { type: "text", maxLength: MOST_CHARACTERS, value: text, placeholder: word("piece-comment"), autocomplete: "off" });
    input.setAttribute("aria-label", number ? word("piece-comment-of").replace("{number}", String(number)) : word("piece-none"));
    input.dataset.key = key;
    input.dataset.saved = text;
    input.addEventListener("change", () => commit(input));
    input.addEventListener("focus", () => number && choose(number));
    onKey(input, ({ key: pressed }, event) => {
      if (pressed !== "Enter") return;
      event.preventDefault();
      commit(input);
    });
    return input;
  }

  function commit(input) {
    if (drawing || input.value.trim() === input.dataset.saved) return;
    input.dataset.saved = input.value.trim();
    say(input.dataset.key, input.value);
  }

  return {
    draw,
    /** Mark the line of a lesion, and bring it into sight. */
    mark(number) {
      for (const item of list.children) {
        const chosen = item.dataset.piece === String(number);
        item.toggleAttribute("data-chosen", chosen);
        item.querySelector("button")?.setAttribute("aria-pressed", String(chosen));
        if (chosen) item.scrollIntoView({ block: "nearest" });
      }
    },
    /** What is typed and not yet given up counts. */
    flush() {
      if (list.contains(document.activeElement) && document.activeElement.matches("input")) commit(document.activeElement);
    },
  };
}
