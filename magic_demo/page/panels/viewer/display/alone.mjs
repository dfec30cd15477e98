// Full screen: the photo and the settings of the tool in hand, nothing else. No key reaches what is not seen.

import { onKey } from "../../frame/keys/keyboard.mjs";

const PASSED = new Set(["Enter", "Escape", "Backspace", "Delete", "Tab", " ", "Shift", "Alt", "Control", "Meta", "z", "y", "?"]); // of the tools, and of the page

/** photo(): whether one is shown. keys: the viewer's own. moved(): the stage has another size. */
export function openAlone(root, { photo, keys, moved }) {
  const find = (id) => root.querySelector(`#viewer-${id}`);
  const page = document.documentElement;
  const beside = () => document.querySelectorAll("#topbar, #case-panel, #cards-panel, #status");
  let before = null; // what had the focus
  let on = false;

  function set(wanted) {
    if (wanted === on || (wanted && !photo())) return;
    on = wanted;
    if (on) before = document.activeElement;
    page.toggleAttribute("data-photo-alone", on);
    for (const other of beside()) other.inert = on;
    find("alone").setAttribute("aria-pressed", String(on));
    if (on) find("stage").focus({ preventScroll: true });
    else before?.focus?.({ preventScroll: true });
    moved();
  }

  // Before any other part hears of it: no answer is given and no case is marked done unseen.
  onKey(
    window,
    ({ key, ctrl, shift }, event) => {
      if (!on || ctrl || document.querySelector("dialog[open]")) return;
      const letter = /^[a-z]$/.test(key);
      const known = PASSED.has(key) || key.startsWith("Arrow") || (!(letter && shift) && keys().has(key));
      if (!known) event.stopImmediatePropagation();
    },
    { capture: true },
  );
  find("alone").addEventListener("click", () => set(!on));
  find("alone-leave").addEventListener("click", () => set(false));

  return {
    set,
    toggle: () => set(!on),
    get on() {
      return on;
    },
  };
}
