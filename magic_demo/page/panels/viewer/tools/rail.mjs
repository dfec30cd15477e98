// A toolbar for the keyboard: one stop for Tab, arrows inside it.

import { onKey } from "../../frame/keys/keyboard.mjs";

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

export function followRail(rail) {
  const buttons = () => [...rail.querySelectorAll("button")].filter((button) => button.offsetParent);
  const stop = (chosen) => {
    for (const button of rail.querySelectorAll("button")) button.tabIndex = button === chosen ? 0 : -1;
  };
  onKey(rail, ({ key }, event) => {
    const all = buttons();
    const at = all.indexOf(document.activeElement);
    const next = key === "Home" ? 0 : key === "End" ? all.length - 1 : STEPS[key] ? (at + STEPS[key] + all.length) % all.length : -1;
    if (at < 0 || next < 0) return;
    event.preventDefault();
    event.stopPropagation();
    stop(all[next]);
    all[next].focus();
  });
  rail.addEventListener("focusin", (event) => event.target.closest("button") && stop(event.target.closest("button")));
}
