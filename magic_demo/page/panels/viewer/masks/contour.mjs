// The lesion's outline: marching squares on the levels, with the border between two pixels placed by their levels,
// so that it is smooth at any zoom. Tiles that lie wholly inside or outside are skipped. No DOM in here: node tests it.

const TILE = 32;

/** Lowest and highest level of every tile, each one pixel larger than TILE on all sides; outside the photo counts as 0. */
export function tileRanges(levels, width, height) {
  const ranges = emptyRanges(width, height);
  updateRanges(ranges, levels, width, height, { left: 0, top: 0, right: width, bottom: height });
  return ranges;
}

/** The ranges of a photo without any level above 0. */
export function emptyRanges(width, height) {
  const columns = Math.ceil((width + 1) / TILE);
  const rows = Math.ceil((height + 1) / TILE);
  return { columns, rows, low: new Uint8Array(columns * rows), high: new Uint8Array(columns * rows) };
}

/** Bring the ranges of the tiles that see a changed rectangle {left, top, right, bottom} up to date. */
export function updateRanges(ranges, levels, width, height, rect) {
  const lastRow = Math.min(ranges.rows - 1, Math.floor((rect.bottom + 1) / TILE));
  const lastColumn = Math.min(ranges.columns - 1, Math.floor((rect.right + 1) / TILE));
  for (let row = Math.max(0, Math.floor((rect.top - 1) / TILE)); row <= lastRow; row++) {
    for (let column = Math.max(0, Math.floor((rect.left - 1) / TILE)); column <= lastColumn; column++) {
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
      ranges.low[row * ranges.columns + column] = least;
      ranges.high[row * ranges.columns + column] = most;
    }
  }
}

/** The rectangle of the tiles with levels that lie between two: all that changes when one takes the other's place; null where none does. */
export function rangeBetween(ranges, width, height, one, other) {
  const least = Math.min(one, other);
  const most = Math.max(one, other);
  let rect = null;
  for (let row = 0; row < ranges.rows; row++) {
    for (let column = 0; column < ranges.columns; column++) {
      const tile = row * ranges.columns + column;
      if (ranges.high[tile] < least || ranges.low[tile] >= most) continue;
      const [left, top] = [Math.max(0, column * TILE - 1), Math.max(0, row * TILE - 1)];
      const [right, bottom] = [Math.min(width, (column + 1) * TILE), Math.min(height, (row + 1) * TILE)];
      rect ??= { left, top, right, bottom };
      rect.left = Math.min(rect.left, left);
      rect.right = Math.max(rect.right, right);
      rect.bottom = Math.max(rect.bottom, bottom);
    }
  }
  return rect;
}

/** The mask at a level, 1 inside: only tiles that reach it are read. */
export function maskAt(levels, width, height, level, ranges) {
  const mask = new Uint8Array(levels.length);
  for (let row = 0; row < ranges.rows; row++) {
    for (let column = 0; column < ranges.columns; column++) {
      if (ranges.high[row * ranges.columns + column] < level) continue;
      const right = Math.min(width, (column + 1) * TILE);
      const bottom = Math.min(height, (row + 1) * TILE);
      for (let y = row * TILE; y < bottom; y++) for (let i = y * width + column * TILE; i < y * width + right; i++) mask[i] = levels[i] >= level ? 1 : 0;
    }
  }
  return mask;
}

// Between which edges of a cell the border runs, by which of its corners are inside: left top 8, right top 4, right bottom 2,
// left bottom 1. Every run has the lesion on its left, so each edge is left once and entered once and lines can be followed.
const NORTH = 0;
const EAST = 1;
const SOUTH = 2;
const WEST = 3;
const RUNS = [
  [],
  [SOUTH, WEST],
  [EAST, SOUTH],
  [EAST, WEST],
  [NORTH, EAST],
  [NORTH, EAST, SOUTH, WEST], // only two opposite corners are inside: kept apart
  [NORTH, SOUTH],
  [NORTH, WEST],
  [WEST, NORTH],
  [SOUTH, NORTH],
  [WEST, NORTH, EAST, SOUTH],
  [EAST, NORTH],
  [WEST, EAST],
  [SOUTH, EAST],
  [WEST, SOUTH],
  [],
];

/**
 * Closed lines along the border between levels below `level` and at or above it: one Float32Array [x, y, x, y, ...] a line,
 * in photo pixels, where the middle of the first pixel is (0.5, 0.5). Outside the photo is never lesion.
 */
export function contour(levels, width, height, level, ranges = tileRanges(levels, width, height)) {
  const next = new Map();
  for (let row = 0; row < ranges.rows; row++) {
    for (let column = 0; column < ranges.columns; column++) {
      const tile = row * ranges.columns + column;
      if (ranges.high[tile] < level || ranges.low[tile] >= level) continue;
      const [left, top] = [column * TILE - 1, row * TILE - 1];
      crossCells(next, levels, width, height, level, { left, top, right: Math.min(width, left + TILE), bottom: Math.min(height, top + TILE) });
    }
  }
  return closedLines(next, placeOf(levels, width, height, level));
}

/**
 * The outline of a mask of 0 and 1 inside a rectangle {left, top, right, bottom}: {closed, open} lines, the open ones leave it. For a stroke
 * that is being drawn: its cost is the rectangle's, not the photo's.
 */
export function contourInside(mask, width, height, rect) {
  const next = new Map();
  crossCells(next, mask, width, height, 1, { left: rect.left - 1, top: rect.top - 1, right: rect.right, bottom: rect.bottom });
  const putPoint = placeOf(mask, width, height, 1);
  const reached = new Set(next.values());
  const begun = [...next.keys()].filter((id) => !reached.has(id));
  return { open: begun.map((id) => followLine(next, id, putPoint)), closed: closedLines(next, putPoint) };
}

// An edge between two pixels, as a number: of the pixel at its left or top, and whether the other lies below.
function edge(stride, x, y, side) {
  const column = side === EAST ? x + 2 : x + 1;
  const row = side === SOUTH ? y + 2 : y + 1;
  return (row * stride + column) * 2 + (side === EAST || side === WEST ? 1 : 0);
}

// Write into `next` from which edge to which the border runs in every cell of a rectangle; a cell has its name from its left top corner.
function crossCells(next, levels, width, height, level, { left, top, right, bottom }) {
  const stride = width + 2;
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && levels[y * width + x] >= level;
  for (let y = top; y < bottom; y++) {
    let leftCorners = (inside(left, y) ? 8 : 0) | (inside(left, y + 1) ? 1 : 0);
    for (let x = left; x < right; x++) {
      const rightCorners = (inside(x + 1, y) ? 4 : 0) | (inside(x + 1, y + 1) ? 2 : 0);
      const runs = RUNS[leftCorners | rightCorners];
      for (let i = 0; i < runs.length; i += 2) next.set(edge(stride, x, y, runs[i]), edge(stride, x, y, runs[i + 1]));
      leftCorners = (rightCorners & 4 ? 8 : 0) | (rightCorners & 2 ? 1 : 0);
    }
  }
}

// Where the border crosses an edge, written onto a line.
function placeOf(levels, width, height, level) {
  const stride = width + 2;
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : levels[y * width + x]);
  return (id, line) => {
    const cell = id >> 1;
    const x = (cell % stride) - 1;
    const y = Math.floor(cell / stride) - 1;
    const upright = id & 1;
    const from = at(x, y);
    const part = (level - 0.5 - from) / ((upright ? at(x, y + 1) : at(x + 1, y)) - from);
    line.push(limit(x + 0.5 + (upright ? 0 : part), width), limit(y + 0.5 + (upright ? part : 0), height));
  };
}

// Take the line that goes through an edge out of `next`, up to its end or back to where it began.
function followLine(next, begun, putPoint) {
  const line = [];
  let id = begun;
  while (next.has(id)) {
    putPoint(id, line);
    const after = next.get(id);
    next.delete(id);
    id = after;
  }
  if (id !== begun) putPoint(id, line);
  return Float32Array.from(line);
}

function closedLines(next, putPoint) {
  const lines = [];
  while (next.size) lines.push(followLine(next, next.keys().next().value, putPoint));
  return lines;
}

function limit(value, most) {
  return value < 0 ? 0 : value > most ? most : value;
}

/** Leave out points nearer than `step` to the one before: what is not seen at this zoom need not be drawn. */
export function thin(line, step) {
  if (line.length <= 8) return line;
  const points = [line[0], line[1]];
  for (let i = 2; i < line.length; i += 2) {
    const dx = line[i] - points[points.length - 2];
    const dy = line[i + 1] - points[points.length - 1];
    if (dx * dx + dy * dy >= step * step) points.push(line[i], line[i + 1]);
  }
  return points.length >= 6 ? Float32Array.from(points) : line;
}
