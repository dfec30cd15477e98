// The longest diameter of a mask's largest part, as magic_demo/imaging/diameter.py has it. No DOM in here: node tests it.

import { partsOf } from "../beside/measures.mjs";

/** How far apart the two farthest points of the largest connected part are, in pixels of the mask; 0 for an empty one. */
export function longestDiameter(mask, width, height) {
  const { runs, rootOf, areas } = partsOf(mask, width, height);
  const largest = [...areas].reduce((best, one) => (best && best[1] >= one[1] ? best : one), null);
  if (!largest) return 0;
  return diameterOf(runs.filter((_, index) => rootOf(index) === largest[0]));
}

/** The same of one part, by its runs [row, start, end]. */
export function diameterOf(runs) {
  const rows = new Map(); // row -> [left, right] of the part
  for (const [y, start, end] of runs) {
    const [left, right] = rows.get(y) ?? [start, end];
    rows.set(y, [Math.min(left, start), Math.max(right, end)]);
  }
  const corners = [...rows].flatMap(([y, [left, right]]) => [[left, y], [left, y + 1], [right, y], [right, y + 1]]);
  const hull = hullOf(corners);
  let most = 0;
  for (let i = 0; i < hull.length; i++) for (let j = i + 1; j < hull.length; j++) most = Math.max(most, (hull[i][0] - hull[j][0]) ** 2 + (hull[i][1] - hull[j][1]) ** 2);
  return Math.sqrt(most);
}

/** The convex hull of points [x, y], by its lower and its upper chain. */
export function hullOf(points) {
  const sorted = points.sort(([x, y], [toX, toY]) => x - toX || y - toY);
  const chain = (order) => {
    const kept = [];
    for (const point of order) {
      while (kept.length > 1 && turn(kept.at(-2), kept.at(-1), point) <= 0) kept.pop();
      kept.push(point);
    }
    return kept.slice(0, -1);
  };
  return [...chain(sorted), ...chain([...sorted].reverse())];
}

const turn = ([ax, ay], [bx, by], [cx, cy]) => (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
