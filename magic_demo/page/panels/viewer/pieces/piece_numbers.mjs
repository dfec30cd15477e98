// The lesions' numbers over the photo, and a frame around the one that is chosen: in window coordinates, so that they stand upright however the
// photo is turned.

import { make } from "../beside/ruler_lines.mjs";

const RADIUS = 10; // window pixels

/** pieces: those that have a line in the list; place(point): where a point of the photo lies in the window. */
export function drawNumbers(svg, pieces, chosen, place) {
  svg.replaceChildren(...pieces.filter(({ number }) => number === chosen).map(({ box }) => frame(box, place)), ...pieces.map((piece) => badge(piece, piece.number === chosen, place)));
}

function frame({ left, top, right, bottom }, place) {
  const corners = [[left, top], [right, top], [right, bottom], [left, bottom]].map(([x, y]) => place({ x, y }));
  const d = `M${corners.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}Z`;
  const group = make("g", { class: "frame" });
  group.append(make("path", { d, class: "rim" }), make("path", { d, class: "line" }));
  return group;
}

function badge({ number, box }, chosen, place) {
  const { x, y } = place({ x: box.left, y: box.top });
  const group = make("g", { class: chosen ? "badge is-chosen" : "badge", transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` });
  const words = make("text", { y: 4 });
  words.textContent = String(number);
  group.append(make("circle", { r: RADIUS }), words);
  return group;
}

/** The number whose badge lies at a point of the window, null for none. */
export function badgeAt(pieces, point, place) {
  const near = pieces.find(({ box }) => {
    const at = place({ x: box.left, y: box.top });
    return Math.hypot(at.x - point.x, at.y - point.y) <= RADIUS + 2;
  });
  return near?.number ?? null;
}
