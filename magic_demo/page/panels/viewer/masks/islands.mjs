// Islands of a mask: pixels that hang together, corner to corner included. No DOM in here: node tests it.

/** The island at a point of the photo, as a mask of its own; near: how far away it may lie. Null where there is none. */
export function islandAt(mask, width, height, { x, y }, near) {
  const seed = nearest(mask, width, height, x, y, near);
  if (seed < 0) return null;
  const island = new Uint8Array(mask.length);
  const open = [seed];
  while (open.length) {
    const start = open.pop();
    if (island[start]) continue;
    const row = Math.floor(start / width);
    let left = start;
    while (left > row * width && mask[left - 1]) left--;
    let right = start + 1;
    while (right < (row + 1) * width && mask[right]) right++;
    island.fill(1, left, right);
    for (const next of [row - 1, row + 1]) {
      if (next < 0 || next >= height) continue;
      const shift = (next - row) * width;
      const from = Math.max(next * width, left - 1 + shift);
      const to = Math.min((next + 1) * width, right + 1 + shift);
      for (let i = from; i < to; i++) if (mask[i] && !island[i] && (i === from || !mask[i - 1])) open.push(i);
    }
  }
  return island;
}

// The index of the mask's pixel that is nearest to a point, -1 where none is near.
function nearest(mask, width, height, x, y, near) {
  let [best, least] = [-1, near * near];
  for (let row = Math.max(0, Math.floor(y - near)); row < Math.min(height, y + near + 1); row++) {
    for (let column = Math.max(0, Math.floor(x - near)); column < Math.min(width, x + near + 1); column++) {
      if (!mask[row * width + column]) continue;
      const far = Math.max(0, Math.abs(x - column - 0.5) - 0.5) ** 2 + Math.max(0, Math.abs(y - row - 0.5) - 0.5) ** 2;
      if (far > least || (best >= 0 && far === least)) continue;
      [best, least] = [row * width + column, far];
    }
  }
  return best;
}
