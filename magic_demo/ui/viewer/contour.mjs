// The lesion's outline: marching squares on the levels, with the border between two pixels placed by their levels,
// so that it is smooth at any zoom. Tiles that lie wholly inside or outside are skipped. No DOM in here: node tests it.

const TILE = 32;

/** Lowest and highest level of every tile, each one pixel larger than TILE on all sides; outside the photo counts as 0. */
export function tileRanges(levels, width, height) {
  const columns = Math.ceil((width + 1) / TILE);
  const rows = Math.ceil((height + 1) / TILE);
  const low = new Uint8Array(columns * rows);
  const high = new Uint8Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const left = column * TILE - 1;
      const top = row * TILE - 1;
      const right = Math.min(width, left + TILE);
      const bottom = Math.min(height, top + TILE);
      let least = left < 0 || top < 0 || right === width || bottom === height ? 0 : 255;
      let most = 0;
      for (let y = Math.max(0, top); y <= Math.min(height - 1, bottom); y++) {
        for (let x = Math.max(0, left); x <= Math.min(width - 1, right); x++) {
          const level = levels[y * width + x];
          if (level < least) least = level;
          if (level > most) most = level;
        }
      }
      low[row * columns + column] = least;
      high[row * columns + column] = most;
    }
  }
  return { columns, rows, low, high };
}

/**
 * Segments of the border between levels below `level` and at or above it: [x1, y1, x2, y2, ...] in photo pixels,
 * where the middle of the first pixel is (0.5, 0.5). Outside the photo is never lesion, so borders are closed.
 */
export function contour(levels, width, height, level, ranges = tileRanges(levels, width, height)) {
  const segments = [];
  const border = level - 0.5;
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : levels[y * width + x]);
  for (let row = 0; row < ranges.rows; row++) {
    for (let column = 0; column < ranges.columns; column++) {
      const tile = row * ranges.columns + column;
      if (ranges.high[tile] < level || ranges.low[tile] >= level) continue;
      const bottom = Math.min(height, row * TILE - 1 + TILE);
      const right = Math.min(width, column * TILE - 1 + TILE);
      for (let y = row * TILE - 1; y < bottom; y++) {
        for (let x = column * TILE - 1; x < right; x++) {
          cell(x, y, at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1), level, border, segments);
        }
      }
    }
  }
  const limited = Float32Array.from(segments);
  for (let i = 0; i < limited.length; i += 2) {
    limited[i] = Math.min(width, Math.max(0, limited[i]));
    limited[i + 1] = Math.min(height, Math.max(0, limited[i + 1]));
  }
  return limited;
}

// The four corners of a cell are pixel middles: a left top, b right top, c right bottom, d left bottom.
function cell(x, y, a, b, c, d, level, border, segments) {
  const kind = (a >= level ? 8 : 0) | (b >= level ? 4 : 0) | (c >= level ? 2 : 0) | (d >= level ? 1 : 0);
  if (kind === 0 || kind === 15) return;
  const left = x + 0.5;
  const top = y + 0.5;
  const cross = (from, to) => (border - from) / (to - from);
  const north = () => [left + cross(a, b), top];
  const east = () => [left + 1, top + cross(b, c)];
  const south = () => [left + cross(d, c), top + 1];
  const west = () => [left, top + cross(a, d)];
  const draw = (one, two) => segments.push(...one(), ...two());
  switch (kind) {
    case 1: case 14: draw(west, south); break;
    case 2: case 13: draw(south, east); break;
    case 3: case 12: draw(west, east); break;
    case 4: case 11: draw(north, east); break;
    case 6: case 9: draw(north, south); break;
    case 7: case 8: draw(west, north); break;
    case 5: draw(north, east); draw(west, south); break; // only two opposite corners are inside: kept apart
    default: draw(west, north); draw(south, east);
  }
}
