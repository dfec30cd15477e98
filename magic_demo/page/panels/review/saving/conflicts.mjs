// What was changed in two tabs, or on two devices, to different values: both are shown, and the reader chooses. What is saved already holds until then.

import { chooseSaved, unsaved } from "./review_line.mjs";
import { onLanguage, readWords } from "../../frame/words.mjs";

export function watchConflicts(element) {
  const bar = element.querySelector("#conflicts");
  const list = bar.querySelector("#conflicts-list");
  const word = readWords(element);
  document.body.append(bar);

  const row = (family, option) => document.querySelector(`.card[data-family="${CSS.escape(family)}"] .row[data-option="${option}"] .row-label`);
  const shownText = (element) => {
    const copy = element?.cloneNode(true);
    for (const text of copy?.querySelectorAll(document.documentElement.dataset.language === "zh" ? ".t-en" : ".t-zh") ?? []) text.remove();
    return copy?.textContent.trim() ?? "";
  };

  function say(part, field, value) {
    if (part === "answers") return [...value[0].map((option) => shownText(row(field, option))), value[1]].filter(Boolean).join(", ") || word("nothing");
    if (part === "masks") return word(value ? "outlined" : "nothing");
    if (part === "rulers") return word(value ? "measured" : "nothing");
    if (part === "remarks") return word(value ? "remarked" : "nothing");
    if (part === "comment") return value ? String(value) : word("nothing");
    if (part !== "flagged" && part !== "unusable") return word(value ? `${part} ${value}` : "nothing"); // a choice
    return word(value ? "yes" : "no");
  }

  function name(part, field) {
    if (part === "answers") return shownText(document.querySelector(`#card-${field.toLowerCase()}-name`));
    return [word(part), ["masks", "rulers", "remarks", "unusable"].includes(part) ? field : ""].join(" ").trim();
  }

  function draw() {
    const open = [...unsaved.conflicts].filter(([, conflict]) => conflict.case === unsaved.now);
    bar.hidden = !open.length;
    list.replaceChildren(
      ...open.map(([id, { part, field, mine, theirs }]) => {
        const item = document.createElement("li");
        item.dataset.conflict = id;
        item.append(Object.assign(document.createElement("b"), { textContent: name(part, field) }));
        item.append(button(id, true, `${word("mine")}: ${say(part, field, mine)}`), button(id, false, `${word("theirs")}: ${say(part, field, theirs)}`));
        return item;
      }),
    );
  }

  function button(id, mine, text) {
    const made = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: text });
    made.dataset.mine = String(mine);
    made.addEventListener("click", () => {
      chooseSaved(id, mine);
      draw();
    });
    return made;
  }

  document.addEventListener("review-conflicts", draw);
  onLanguage(draw);
}
