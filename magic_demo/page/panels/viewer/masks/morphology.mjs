// What the buttons do to a whole mask: fill holes, smooth, grow, shrink. Each returns a new mask. No DOM in here: node tests it.

import { bounds } from "./runs.mjs";

/** How far grow and shrink go on a photo of this size, and smooth looks around: about a 500th of its longer side. */
export function step(width, height) {
  return Math.max(1, Math.round(Math.max(width, height) / 500));
}

/** Every pixel at most `radius` from the mask. */
export function grow(mask, width, height, radius) {
  return spread(mask, width, height, radius, 1);
}

/** Every pixel further than `radius` from what is not in the mask; the lesion is taken to go on beyond the photo. */
export function shrink(mask, width, height, radius) {
  return spread(mask, width, height, radius, 0);
}

// Let the pixels of one value grow by a disc: each row's runs, made longer, are written into the rows around.
function spread(mask, width, height, radius, value) {
  const grown = mask.slice();
  for (let y = 0; y < height; y++) {
    const row = mask.subarray(y * width, (y + 1) * width);
    for (let start = row.indexOf(value); start >= 0; ) {
      let end = row.indexOf(1 - value, start);
      if (end < 0) end = width;
      const inner = y > 0 && y < height - 1 && same(mask, value, (y - 1) * width + start, (y - 1) * width + end) && same(mask, value, (y + 1) * width + start, (y + 1) * width + end);
      for (let dy = inner ? 0 : -radius; dy <= (inner ? 0 : radius); dy++) {
        const to = y + dy;
        if (to < 0 || to >= height) continue;
        const more = Math.floor(Math.sqrt(radius * radius - dy * dy));
        grown.fill(value, to * width + Math.max(0, start - more), to * width + Math.min(width, end + more));
      }
      start = end < width ? row.indexOf(value, end) : -1;
    }
  }
  return grown;
}

// A run with its own value above and below it reaches up and down no further than those two do.
function same(mask, value, start, end) {
  const other = mask.indexOf(1 - value, start);
  return other < 0 || other >= end;
}

/** The mask without holes: what cannot be reached from outside without crossing the lesion belongs to it. */
export function fillHoles(mask, width, height) {
  const box = bounds(mask, width, height);
  const filled = mask.slice();
  if (!box) return filled;
  const across = box.right - box.left + 2; // with a rim of skin all around, from which everything outside is reached
  const down = box.bottom - box.top + 2;
  const reached = new Uint8Array(across * down);
  for (let y = box.top; y < box.bottom; y++) {
    reached.set(mask.subarray(y * width + box.left, y * width + box.right), (y - box.top + 1) * across + 1);
  }
  const waiting = [0];
  while (waiting.length) {
    const seed = waiting.pop();
    if (reached[seed]) continue;
    const row = Math.floor(seed / across);
    let left = seed;
    while (left > row * across && !reached[left - 1]) left--;
    let right = seed;
    while (right < (row + 1) * across - 1 && !reached[right + 1]) right++;
    reached.fill(1, left, right + 1);
    for (const next of [row - 1, row + 1]) {
      if (next < 0 || next >= down) continue;
      const shift = (next - row) * across;
      for (let i = left + shift; i <= right + shift; i++) if (!reached[i] && (i === left + shift || reached[i - 1])) waiting.push(i);
    }
  }
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) {
      if (!reached[(y - box.top + 1) * across + x - box.left + 1]) filled[y * width + x] = 1;
    }
  }
  return filled;
}

/** The mask with a calmer outline: a pixel stays where more than half of what is around it, blurred twice, is lesion. */
export function smooth(mask, width, height, radius) {
  const box = bounds(mask, width, height);
  const smoothed = new Uint8Array(mask.length);
  if (!box) return smoothed;
  const room = 2 * radius + 1;
  const left = box.left - room;
  const top = box.top - room;
  const across = box.right - box.left + 2 * room;
  const down = box.bottom - box.top + 2 * room;
  let values = new Float32Array(across * down);
  for (let y = 0; y < down; y++) {
    const from = Math.min(height - 1, Math.max(0, top + y)) * width; // the photo's last row and column go on beyond it
    for (let x = 0; x < across; x++) values[y * across + x] = mask[from + Math.min(width - 1, Math.max(0, left + x))];
  }
  for (let turn = 0; turn < 2; turn++) values = average(average(values, across, down, radius, 1, across), down, across, radius, across, 1);
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) if (values[(y - top) * across + x - left] > 0.5) smoothed[y * width + x] = 1;
  }
  return smoothed;
}

// Running mean over 2 * radius + 1 values along lines of `length`, whose neighbours lie `near` apart and which lie `far` apart.
function average(values, length, lines, radius, near, far) {
  const result = new Float32Array(values.length);
  for (let line = 0; line < lines; line++) {
    const start = line * far;
    let sum = 0;
    for (let i = -radius; i < length; i++) {
      if (i + radius < length) sum += values[start + (i + radius) * near];
      if (i - radius > 0) sum -= values[start + (i - radius - 1) * near];
      if (i >= 0) result[start + i * near] = sum / (2 * radius + 1);
    }
  }
  return result;
}
