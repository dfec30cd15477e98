// Masks as run lengths, row by row, the first run outside the lesion: what travels, what is kept for undo. No DOM in here: node tests it.

/** Run lengths of a mask of 0 and 1; the first counts zeros and may be 0. They add up to the mask's length. */
export function toRuns(mask) {
  const runs = [];
  let value = 0;
  let start = 0;
  while (start < mask.length) {
    let end = mask.indexOf(1 - value, start);
    if (end < 0) end = mask.length;
    runs.push(end - start);
    start = end;
    value = 1 - value;
  }
  return runs;
}

/** The mask of run lengths; null where they do not fit `length` pixels. */
export function fromRuns(runs, length) {
  const mask = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < runs.length; i++) {
    const end = at + runs[i];
    if (!(end >= at && end <= length)) return null;
    if (i % 2) mask.fill(1, at, end);
    at = end;
  }
  return at === length ? mask : null;
}

/** Where two masks differ inside a rectangle {left, top, right, bottom}, as run lengths over its pixels. */
export function difference(before, after, width, rect) {
  const runs = [];
  let value = 0;
  let length = 0;
  for (let y = rect.top; y < rect.bottom; y++) {
    for (let i = y * width + rect.left, end = y * width + rect.right; i < end; i++) {
      if ((before[i] ^ after[i]) !== value) {
        runs.push(length);
        length = 0;
        value = 1 - value;
      }
      length++;
    }
  }
  runs.push(length);
  return Uint32Array.from(runs);
}

/** Turn over the pixels that `difference` found: the same call undoes and redoes. Returns how many more are lesion than before. */
export function turnOver(mask, width, rect, runs) {
  const across = rect.right - rect.left;
  let at = 0;
  let more = 0;
  for (let i = 0; i < runs.length; i++) {
    const end = at + runs[i];
    while (i % 2 && at < end) {
      const column = at % across;
      const length = Math.min(end - at, across - column);
      const from = (rect.top + (at - column) / across) * width + rect.left + column;
      for (let pixel = from; pixel < from + length; pixel++) {
        mask[pixel] ^= 1;
        more += 2 * mask[pixel] - 1;
      }
      at += length;
    }
    at = end;
  }
  return more;
}

/** The smallest rectangle that holds every pixel of the mask inside `within`; null where there is none. */
export function bounds(mask, width, height, within = { left: 0, top: 0, right: width, bottom: height }) {
  let { left, top, right, bottom } = { left: within.right, top: -1, right: within.left, bottom: -1 };
  for (let y = within.top; y < within.bottom; y++) {
    const row = mask.subarray(y * width + within.left, y * width + within.right);
    const first = row.indexOf(1);
    if (first < 0) continue;
    if (top < 0) top = y;
    bottom = y + 1;
    left = Math.min(left, within.left + first);
    right = Math.max(right, within.left + row.lastIndexOf(1) + 1);
  }
  return top < 0 ? null : { left, top, right, bottom };
}

/** The smallest rectangle around two; the other where one is null. */
export function union(one, other) {
  if (!one || !other) return one ?? other;
  return {
    left: Math.min(one.left, other.left),
    top: Math.min(one.top, other.top),
    right: Math.max(one.right, other.right),
    bottom: Math.max(one.bottom, other.bottom),
  };
}
