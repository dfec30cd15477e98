// The compare slider: one layer left of a line, another right of it, and the line to be moved.

import { onKey } from "../../frame/keys/keyboard.mjs";

export function openCompare(root, { names, redraw }) {
  const find = (id) => root.querySelector(`#viewer-${id}`);
  const stage = find("stage");
  const line = find("compare-line");
  const sides = [find("compare-left"), find("compare-right")];
  const state = { on: false, at: 0.5, chosen: ["photo", "all"] };

  function show() {
    root.toggleAttribute("data-compare", state.on);
    find("compare").setAttribute("aria-pressed", String(state.on));
    line.style.left = `${state.at * 100}%`;
    line.setAttribute("aria-valuenow", String(Math.round(state.at * 100)));
    redraw();
  }

  function move(at) {
    state.at = Math.min(1, Math.max(0, at));
    show();
  }

  /** Offer the layers that there are: [[name, text], ...]. */
  function offer() {
    const all = names();
    sides.forEach((side, number) => {
      if (!all.some(([name]) => name === state.chosen[number])) state.chosen[number] = number ? "all" : "photo";
      side.replaceChildren(...all.map(([name, text]) => new Option(text, name, false, name === state.chosen[number])));
    });
  }

  sides.forEach((side, number) =>
    side.addEventListener("change", () => {
      state.chosen[number] = side.value;
      redraw();
    }),
  );
  line.addEventListener("pointerdown", (event) => line.setPointerCapture(event.pointerId));
  line.addEventListener("pointermove", (event) => {
    if (!line.hasPointerCapture(event.pointerId)) return;
    const box = stage.getBoundingClientRect();
    move((event.clientX - box.left) / box.width);
  });
  onKey(line, ({ key }, event) => {
    const to = { ArrowLeft: state.at - 0.02, ArrowDown: state.at - 0.02, ArrowRight: state.at + 0.02, ArrowUp: state.at + 0.02, Home: 0, End: 1 }[key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    move(to);
  });
  const toggle = () => {
    state.on = !state.on;
    offer();
    show();
  };
  find("compare").addEventListener("click", toggle);

  return {
    toggle,
    offer,
    /** The halves of the window and what each shows; one whole where nothing is compared. */
    halves: () =>
      state.on
        ? [
            { from: 0, to: state.at, which: state.chosen[0] },
            { from: state.at, to: 1, which: state.chosen[1] },
          ]
        : [{ from: 0, to: 1, which: "all" }],
    get on() {
      return state.on;
    },
  };
}
