// How the lesion is marked on the photo: way, threshold and strength of the shade, and everything hidden while a button is held.

import { onKey, onRelease } from "../../frame/keys/keyboard.mjs";

export const MODES = ["outline", "both", "fill", "heat", "none"]; // the first leaves the photo's colours alone; M goes on from it to the shade

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/**
 * Returns {stepMode(step), setThreshold(0..1), setHidden(hidden)}.
 * state: takes mode, threshold, opacity, hidden; usual(): the threshold that a double click goes back to; moved(): the threshold has changed.
 */
export function openMarking(root, { state, usual, moved, redraw }) {
  const find = (id) => root.querySelector(`#viewer-${id}`);
  const choices = root.querySelector("[role=radiogroup]");
  const hide = find("hide");

  /** The ways of marking that there are: a map of levels cannot be read where pixels cannot. */
  const modes = () => MODES.filter((mode) => mode !== "heat" || !root.hasAttribute("data-unreadable"));

  function setMode(mode) {
    state.mode = mode;
    for (const button of root.querySelectorAll("[data-mode]")) {
      const chosen = button.dataset.mode === mode;
      button.setAttribute("aria-checked", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
    root.dataset.mode = mode;
    redraw();
  }

  function stepMode(step) {
    const all = modes();
    setMode(all[(Math.max(0, all.indexOf(state.mode)) + step + all.length) % all.length]);
  }

  function setThreshold(threshold) {
    state.threshold = threshold;
    find("threshold").value = String(threshold);
    find("threshold-value").textContent = threshold.toFixed(2);
    moved();
    redraw();
  }

  function setOpacity(opacity) {
    state.opacity = opacity;
    find("opacity-value").textContent = `${Math.round(opacity * 100)}%`;
    redraw();
  }

  function setHidden(hidden) {
    if (state.hidden === hidden) return;
    state.hidden = hidden;
    root.toggleAttribute("data-hidden", hidden);
    hide.setAttribute("aria-pressed", String(hidden));
    redraw();
  }

  choices.addEventListener("click", (event) => {
    const button = event.target.closest("[data-mode]");
    if (button) setMode(button.dataset.mode);
  });
  onKey(choices, ({ key }, event) => {
    const step = STEPS[key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    stepMode(step);
    find(`mode-${state.mode}`).focus();
  });
  find("threshold").addEventListener("input", (event) => setThreshold(Number(event.target.value)));
  find("threshold").addEventListener("dblclick", () => setThreshold(usual()));
  find("opacity").addEventListener("input", (event) => setOpacity(Number(event.target.value)));
  hide.addEventListener("pointerdown", () => setHidden(true));
  for (const end of ["pointerup", "pointercancel", "pointerleave", "blur"]) hide.addEventListener(end, () => setHidden(false));
  onKey(hide, ({ key }) => (key === " " || key === "Enter") && setHidden(true));
  onRelease(hide, () => setHidden(false));

  return { stepMode, setThreshold, setHidden };
}
