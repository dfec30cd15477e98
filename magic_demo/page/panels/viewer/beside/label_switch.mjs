// The switch between the labels of a study: its name, its line as it is drawn, its key, and whether the photo is outlined.

import { onKey } from "../../frame/keys/keyboard.mjs";
import { onLanguage } from "../../frame/words.mjs";

/** editors: see tools/editors.mjs; photo(): the one shown; nameOf(label): in the language shown. */
export function openLabelSwitch(root, { editors, photo, nameOf, word }) {
  const list = root.querySelector("#viewer-labels");

  function draw() {
    list.hidden = !editors.several;
    if (!editors.several) {
      list.replaceChildren();
      return;
    }
    if (list.children.length !== editors.labels.length) list.replaceChildren(...editors.labels.map(button));
    editors.labels.forEach((label, number) => fill(list.children[number], label));
    const clears = word("clear-label").replace("{label}", nameOf(editors.label));
    root.querySelector("#viewer-clear").title = clears;
    root.querySelector("#viewer-clear").setAttribute("aria-label", clears);
  }

  function button() {
    const made = Object.assign(document.createElement("button"), { type: "button" });
    made.setAttribute("role", "radio");
    made.innerHTML = '<svg viewBox="0 0 34 8" aria-hidden="true"><path d="M1 4H33" class="rim"/><path d="M1 4H33" class="line"/></svg><span></span><kbd></kbd><b></b>';
    made.addEventListener("click", () => editors.choose(editors.labels[[...list.children].indexOf(made)].id));
    return made;
  }

  function fill(made, label) {
    const own = photo() && editors.all.get(label.id).own(photo());
    const stands = !own?.exists ? "open" : own.area ? "outlined" : "none";
    const chosen = label.id === editors.id;
    made.id = `viewer-label-${label.id || "first"}`;
    made.dataset.stands = stands;
    made.setAttribute("aria-checked", String(chosen));
    made.tabIndex = chosen ? 0 : -1;
    made.querySelector(".line").setAttribute("stroke", label.look.line);
    made.querySelector(".line").setAttribute("stroke-dasharray", label.look.dash.join(" "));
    made.querySelector("span").textContent = nameOf(label);
    made.querySelector("kbd").textContent = label.key.toUpperCase();
    made.querySelector("b").textContent = { open: "○", outlined: "●", none: "∅" }[stands];
    made.title = `${nameOf(label)}: ${word(`label-${stands}`)} (${label.key.toUpperCase()}; L)`;
    made.setAttribute("aria-label", `${nameOf(label)}: ${word(`label-${stands}`)}`);
  }

  onKey(list, ({ key }, event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const number = editors.labels.findIndex(({ id }) => id === editors.id) + step;
    editors.choose(editors.labels.at(number % editors.labels.length).id);
    list.querySelector('[aria-checked="true"]').focus();
  });
  onLanguage(draw);

  return { draw };
}
