// The lesions of an outline one by one, with the numbers and measures of magic_demo/imaging/pieces.py, and how comments follow them. No DOM in
// here: node tests it.

import { leastArea, partsOf } from "../beside/measures.mjs";
import { hullOf, diameterOf } from "../masks/diameter.mjs";
import { fillHoles } from "../masks/morphology.mjs";

export const [NOTCHED_FROM, LEAST_BORDER] = [0.15, 50]; // as in imaging/pieces.py

/**
 * The parts of a mask, none left out: [{number, speck, runs: [[row, start, end]], area, box: {left, top, right, bottom}, at: {x, y}}], lesions from
 * the top, then specks; `at`: a pixel of it, the middle of its longest row.
 */
export function piecesOf(mask, width, height) {
  const { runs, rootOf, areas } = partsOf(mask, width, height);
  const least = leastArea(mask.length, areas);
  const found = new Map();
  runs.forEach(([y, start, end], index) => {
    const root = rootOf(index);
    const piece = found.get(root) ?? { speck: areas.get(root) < least, runs: [], area: areas.get(root), box: { left: start, top: y, right: end, bottom: y + 1 } };
    found.set(root, piece);
    piece.runs.push([y, start, end]);
    const { box } = piece;
    Object.assign(box, { left: Math.min(box.left, start), right: Math.max(box.right, end), bottom: y + 1 });
  });
  const all = [...found.values()];
  const ordered = [...all.filter(({ speck }) => !speck), ...all.filter(({ speck }) => speck)];
  return ordered.map((piece, index) => ({ ...piece, number: index + 1, at: middleOf(piece.runs) }));
}

/** The middle of the first longest run. */
export function middleOf(runs) {
  const [y, start, end] = runs.reduce((best, run) => (run[2] - run[1] > best[2] - best[1] ? run : best));
  return { x: (start + end - 1) >> 1, y };
}

const holds = ({ box, runs }, { x, y }) => x >= box.left && x < box.right && y >= box.top && y < box.bottom && runs.some(([row, start, end]) => row === y && start <= x && x < end);

/** The part that has this pixel, null where none has. */
export const pieceAt = (pieces, at) => pieces.find((piece) => holds(piece, at)) ?? null;

/** The runs that two parts have in common. */
function common(one, other) {
  if (one.box.left >= other.box.right || other.box.left >= one.box.right || one.box.top >= other.box.bottom || other.box.top >= one.box.bottom) return [];
  const rows = new Map();
  for (const [y, start, end] of other.runs) rows.set(y, [...(rows.get(y) ?? []), [start, end]]);
  return one.runs.flatMap(([y, start, end]) => (rows.get(y) ?? []).map(([from, to]) => [y, Math.max(start, from), Math.min(end, to)]).filter(([, from, to]) => from < to));
}

/**
 * Where comments are once the parts have become others. at: their pixels. A comment stays where it is while a part is there; where its pixel is
 * gone it goes to the part that has most of its own, into what both have, so that an edit that is undone brings it back; where nothing is left of
 * its part it stays, on no part. Returns {at, what: "joined" | "split" | "gone" | null}: of several the one that a reader must know first.
 */
export function follow(at, before, after) {
  const happened = new Set();
  const homes = new Map(); // part after -> parts before whose comments are there
  const moved = at.map((point) => {
    const old = pieceAt(before, point);
    if (!old) return point;
    const shared = after.map((piece) => [piece, common(old, piece)]).filter(([, runs]) => runs.length);
    const sizeOf = (runs) => runs.reduce((sum, [, start, end]) => sum + end - start, 0);
    const [home, runs] = shared.find(([piece]) => holds(piece, point)) ?? shared.reduce((best, one) => (best && sizeOf(best[1]) >= sizeOf(one[1]) ? best : one), null) ?? [null, []];
    if (!home) {
      happened.add("gone");
      return point;
    }
    if (shared.length > 1) happened.add("split");
    homes.set(home, (homes.get(home) ?? new Set()).add(old));
    return holds(home, point) ? point : middleOf(runs);
  });
  if ([...homes.values()].some((olds) => olds.size > 1)) happened.add("joined");
  return { at: moved, what: ["gone", "joined", "split"].find((one) => happened.has(one)) ?? null };
}

/** The longest diameter of a part in pixels of the mask, and its border: "regular", "irregular", or null for one that is too small. */
export function measurePiece(piece) {
  return { diameter: diameterOf(piece.runs), border: piece.area < LEAST_BORDER ? null : irregularity(piece) >= NOTCHED_FROM ? "irregular" : "regular" };
}

/** 1 - area / area of the convex hull, both through the middles of its outer pixels; its holes count as lesion. */
export function irregularity({ runs, box }) {
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  let mask = new Uint8Array(width * height);
  for (const [y, start, end] of runs) mask.fill(1, (y - box.top) * width + start - box.left, (y - box.top) * width + end - box.left);
  mask = fillHoles(mask, width, height);
  let area = 0;
  for (let y = 0; y + 1 < height; y++) {
    for (let i = y * width; i + 1 < (y + 1) * width; i++) {
      const corners = mask[i] + mask[i + 1] + mask[i + width] + mask[i + width + 1];
      area += corners === 4 ? 1 : corners === 3 ? 0.5 : 0;
    }
  }
  const hull = hullOf(runs.flatMap(([y, start, end]) => [[start, y], [end - 1, y]]));
  const around = hull.reduce((sum, [x, y], i) => sum + x * hull[(i + 1) % hull.length][1] - hull[(i + 1) % hull.length][0] * y, 0) / 2;
  return around > 0 ? Math.max(0, Math.min(1, 1 - area / around)) : 0;
}
