// The colour that prevails in each lesion, named as that of the whole outline is, compared with the same skin. No DOM in here: node tests it.

import { lookAround, nameRegion } from "../beside/measures.mjs";

/** pixels, mask: as measurePhoto takes them; pieces: of the mask. Returns number -> name, for those in which one can be told. */
export function colourPieces(pixels, mask, pieces) {
  const around = lookAround(pixels, mask);
  const colours = new Map();
  if (!around?.skin) return colours;
  const labels = label(pixels, mask, pieces);
  for (const { number } of pieces) {
    const region = around.lesion.map((one, i) => (one && labels[i] === number ? 1 : 0));
    const colour = region.includes(1) ? nameRegion(pixels, region, around) : null;
    if (colour) colours.set(number, colour);
  }
  return colours;
}

/** Which lesion each pixel belongs to, at the size of the pixels; the first of those that share one. */
function label({ width, height }, mask, pieces) {
  const labels = new Uint32Array(width * height);
  for (const { number, runs } of pieces.toReversed()) {
    for (const [y, start, end] of runs) {
      const row = Math.min(height - 1, Math.floor((y * height) / mask.height)) * width;
      labels.fill(number, row + Math.floor((start * width) / mask.width), row + Math.min(width, Math.floor(((end - 1) * width) / mask.width) + 1));
    }
  }
  return labels;
}
