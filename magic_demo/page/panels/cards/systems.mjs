// The switch above the cards: which of several systems is shown as the model, kept for the next case and the next visit.

import { stepSystem } from "./cards.mjs";
import { onKey } from "../frame/keys/keyboard.mjs";
import { pageState } from "../frame/page_state.mjs";
import { followShiftKeys } from "../review/saving/review_line.mjs";

const STORAGE_KEY = "magic-demo-system";
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Return what draws the switch; `ask` is called with the name of the system that the reader chose. */
export function mountSystems(root, ask) {
  let systems = {};
  let shown = null;
  try {
    pageState.system = localStorage.getItem(STORAGE_KEY);
  } catch {
    // a browser that keeps nothing still switches
  }

  function choose(name) {
    if (name === null || name === shown || root.hidden) return;
    pageState.system = name;
    try {
      localStorage.setItem(STORAGE_KEY, name);
    } catch {
      // likewise
    }
    ask(name);
  }

  function draw() {
    const names = Object.keys(systems);
    const focused = root.contains(document.activeElement);
    root.hidden = names.length < 2;
    root.replaceChildren(
      ...names.map((name) => {
        const button = Object.assign(document.createElement("button"), { type: "button", textContent: name, title: name, disabled: !systems[name], tabIndex: name === shown ? 0 : -1 });
        button.setAttribute("role", "radio");
        button.setAttribute("aria-checked", String(name === shown));
        button.dataset.system = name;
        return button;
      }),
    );
    if (focused) root.querySelector('[aria-checked="true"]')?.focus({ preventScroll: true });
  }

  root.addEventListener("click", (event) => choose(event.target.closest("[data-system]")?.dataset.system ?? null));
  onKey(root, ({ key }, event) => {
    if (!STEPS[key]) return;
    event.preventDefault();
    event.stopPropagation();
    choose(stepSystem(systems, shown, STEPS[key]));
  });
  followShiftKeys({ M: () => choose(stepSystem(systems, shown, 1)) });

  return (named, name) => {
    const same = name === shown && JSON.stringify(named) === JSON.stringify(systems);
    systems = named;
    shown = name;
    if (!same) draw(); // a click on what is taken away under it is lost
  };
}
