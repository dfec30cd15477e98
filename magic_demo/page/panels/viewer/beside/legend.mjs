// Which line is whose: one button a layer, with its line as it is drawn; pressed while the layer is shown.

import { lookOf, MODEL, MODEL_BESIDE } from "../canvas/layer_looks.mjs";

/** layers(): {model, beside: booleans, own: [[name, text, look]] of what the reader has outlined, others: [[name, number]]}; word(name): text in the language shown. */
export function openLegend(root, { layers, word, redraw }) {
  const list = root.querySelector("#viewer-legend");
  const off = new Set();

  function names() {
    const { model, beside, own, others } = layers();
    return [
      ...(model ? [["model", word("model"), beside ? MODEL_BESIDE : MODEL]] : []),
      ...own,
      ...others.map(([reader, number]) => [`reader-${number}`, reader === "consensus" ? word("consensus") : reader, lookOf(number)]),
    ];
  }

  function show() {
    const all = names();
    list.hidden = all.length < 2;
    list.replaceChildren(
      ...all.map(([name, text, look]) => {
        const button = document.createElement("button");
        button.type = "button";
        button.id = `viewer-layer-${name}`;
        button.setAttribute("aria-pressed", String(!off.has(name)));
        const sample = document.createElement("span");
        sample.className = "sample";
        sample.innerHTML = `<svg viewBox="0 0 34 8" aria-hidden="true"><path d="M1 4H33" class="rim"/><path d="M1 4H33" stroke="${look.line}" stroke-dasharray="${look.dash.join(" ")}"/></svg>`;
        const label = document.createElement("span");
        label.textContent = text;
        button.append(sample, label);
        button.addEventListener("click", () => {
          if (!off.delete(name)) off.add(name);
          button.setAttribute("aria-pressed", String(!off.has(name)));
          redraw();
        });
        return button;
      }),
    );
  }

  return { show, names, shown: (name) => !off.has(name) };
}
