// What the wand has cut becomes part of a mask that may hold more: nothing away from its box or strokes changes. No DOM in here: node tests it.

import { stampStroke } from "../masks/shapes.mjs";

/**
 * Add `found` to `mask`, both of width x height pixels of 0 and 1; returns the rectangle that may have changed.
 *
 * hint: {lesion, skin: strokes of [x, y], radius}. Without a stroke on skin the wand only adds. With one it also takes away: what lies under such a
 * stroke, and within `region` ([left, top, right, bottom]: the box, or without one what the server looked at) what hangs together with what it
 * found or with a stroke and was not found.
 */
export function mergeFound(mask, found, width, height, hint, region) {
  if (hint.skin.length) {
    const skin = stamp(mask.length, width, height, hint.skin, hint.radius);
    const seeds = stamp(mask.length, width, height, [...hint.lesion, ...hint.skin], hint.radius);
    for (let i = 0; i < seeds.length; i++) seeds[i] |= found[i];
    const reached = spread(mask, seeds, width, region);
    for (let i = 0; i < mask.length; i++) if (reached[i] || skin[i]) mask[i] = 0;
  }
  for (let i = 0; i < mask.length; i++) mask[i] |= found[i];
  return { left: 0, top: 0, right: width, bottom: height };
}

/** A mask of strokes. */
function stamp(length, width, height, strokes, radius) {
  const drawn = new Uint8Array(length);
  for (const stroke of strokes) {
    for (const [i, [x, y]] of stroke.entries()) {
      const [fromX, fromY] = stroke[Math.max(0, i - 1)];
      stampStroke(drawn, width, height, { x: fromX, y: fromY }, { x, y }, radius, 1);
    }
  }
  return drawn;
}

/** The pixels of `mask` inside the region that hang together with a seed. */
function spread(mask, seeds, width, [left, top, right, bottom]) {
  const reached = new Uint8Array(mask.length);
  const open = [];
  const reach = (x, y) => {
    const i = y * width + x;
    if (x < left || x >= right || y < top || y >= bottom || !mask[i] || reached[i]) return;
    reached[i] = 1;
    open.push(i);
  };
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) if (seeds[y * width + x]) reach(x, y);
  while (open.length) {
    const i = open.pop();
    const [x, y] = [i % width, Math.floor(i / width)];
    reach(x - 1, y);
    reach(x + 1, y);
    reach(x, y - 1);
    reach(x, y + 1);
  }
  return reached;
}
