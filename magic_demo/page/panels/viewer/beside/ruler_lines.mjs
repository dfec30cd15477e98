// The measured lines over the photo, each with its length: in window coordinates, so that the words stand upright however the photo is turned.

import { endsOf, lengthOf, sayLength } from "../tools/rulers.mjs";
import { toWindow } from "../canvas/view.mjs";

const SVG = "http://www.w3.org/2000/svg";
const ARM = 6; // window pixels of the strokes across both ends

export function drawRulers(svg, photo, ruler, scale, view) {
  const lines = [...(ruler.known ? [[ruler.known, "known"]] : []), ...ruler.lines.map((line) => [line, "measured"])];
  svg.replaceChildren(
    ...lines.map(([line, kind]) => {
      const [from, to] = endsOf(photo, line).map((end) => toWindow(view, end));
      const group = make("g", { class: kind });
      const d = shape(from, to);
      const words = make("text", { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 - 7 });
      words.textContent = kind === "known" ? `= ${sayLength(lengthOf(line), scale)}` : sayLength(lengthOf(line), scale);
      group.append(make("path", { d, class: "rim" }), make("path", { d, class: "line" }), words);
      return group;
    }),
  );
}

function shape(from, to) {
  const far = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [ax, ay] = [(-(to.y - from.y) * ARM) / far, ((to.x - from.x) * ARM) / far];
  const across = ({ x, y }) => `M${(x - ax).toFixed(1)} ${(y - ay).toFixed(1)}L${(x + ax).toFixed(1)} ${(y + ay).toFixed(1)}`;
  return `M${from.x.toFixed(1)} ${from.y.toFixed(1)}L${to.x.toFixed(1)} ${to.y.toFixed(1)}${across(from)}${across(to)}`;
}

/** An element of an SVG with these attributes. */
export function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
