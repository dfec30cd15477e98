// What a tool has set or drawn: polygon, box, points. An SVG over the canvas, in photo coordinates.

import { matrixOf } from "../canvas/view.mjs";

const SVG = "http://www.w3.org/2000/svg";

export class Sketch {
  constructor(svg) {
    this.group = svg.querySelector("g");
    this.shapes = [];
    this.scale = 1;
    this.upright = ""; // what a sign has before it, so that it stands upright in a turned photo
  }

  /** Follow the view. */
  place(view) {
    const { scale, angle = 0, flip = false } = view;
    const upright = `${flip ? " scale(-1 1)" : ""}${angle ? ` rotate(${-angle})` : ""}`;
    this.group.setAttribute("transform", `matrix(${matrixOf(view).join(" ")})`);
    if (this.scale === scale && this.upright === upright) return;
    this.scale = scale;
    this.upright = upright;
    this.show(this.shapes);
  }

  show(shapes) {
    if (!shapes.length && !this.shapes.length) return;
    this.shapes = shapes;
    this.group.replaceChildren(...shapes.flatMap((shape) => this.#draw(shape)));
  }

  #draw({ kind, points, dashed }) {
    if (!points.length) return [];
    if (kind === "dots") return points.map(({ x, y }, number) => make("circle", { cx: x, cy: y, r: (number ? 3.5 : 5.5) / this.scale, class: number ? "dot" : "dot first" }));
    if (kind === "marks") return points.flatMap((point) => mark(point, 1 / this.scale, this.upright));
    const corners = kind === "box" ? [points[0], { x: points[1].x, y: points[0].y }, points[1], { x: points[0].x, y: points[1].y }] : points;
    const d = line(corners) + (kind === "box" ? "Z" : "");
    return [make("path", { d, class: "rim" }), make("path", { d, class: `line${dashed ? " dashed" : ""}` })];
  }
}

// A plus on the lesion, a minus on skin: colour is not the only sign.
function mark({ x, y, lesion }, pixel, upright) {
  const arm = 3.5 * pixel;
  const across = `M${-arm} 0H${arm}`;
  return [
    make("circle", { cx: x, cy: y, r: 7 * pixel, class: `mark ${lesion ? "lesion" : "skin"}` }),
    make("path", { d: lesion ? `${across}M0 ${-arm}V${arm}` : across, transform: `translate(${x} ${y})${upright}`, class: "sign" }),
  ];
}

function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function line(points) {
  const places = points.length > 1 ? points : [points[0], points[0]];
  return places.map(({ x, y }, i) => `${i ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");
}
