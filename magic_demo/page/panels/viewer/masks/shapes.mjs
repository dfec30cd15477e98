// Brush strokes and polygons as pixels: a pixel belongs to a shape when its middle lies in it. No DOM in here: node tests it.

/** Write `value` along a stroke from `from` to `to` (photo coordinates) with round ends; returns what may have changed, null outside. */
export function stampStroke(mask, width, height, from, to, radius, value) {
  const rect = {
    left: Math.max(0, Math.floor(Math.min(from.x, to.x) - radius)),
    top: Math.max(0, Math.floor(Math.min(from.y, to.y) - radius)),
    right: Math.min(width, Math.ceil(Math.max(from.x, to.x) + radius) + 1),
    bottom: Math.min(height, Math.ceil(Math.max(from.y, to.y) + radius) + 1),
  };
  if (rect.left >= rect.right || rect.top >= rect.bottom) return null;
  for (let row = rect.top; row < rect.bottom; row++) {
    const span = strokeSpan(row + 0.5, from, to, radius);
    if (!span) continue;
    const start = Math.max(0, Math.ceil(span[0] - 0.5));
    const end = Math.min(width, Math.floor(span[1] - 0.5) + 1);
    if (start < end) mask.fill(value, row * width + start, row * width + end);
  }
  return rect;
}

// Where a line y = const crosses a stroke: the stroke is convex, so it is one span, of its two round ends and of the band between them.
function strokeSpan(y, from, to, radius) {
  let least = Infinity;
  let most = -Infinity;
  const widen = (x) => {
    if (x < least) least = x;
    if (x > most) most = x;
  };
  for (const end of [from, to]) {
    const rest = radius * radius - (y - end.y) * (y - end.y);
    if (rest < 0) continue;
    widen(end.x - Math.sqrt(rest));
    widen(end.x + Math.sqrt(rest));
  }
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  if (length > 0) {
    const across = { x: (-(to.y - from.y) / length) * radius, y: ((to.x - from.x) / length) * radius };
    const corners = [
      [from.x + across.x, from.y + across.y],
      [to.x + across.x, to.y + across.y],
      [to.x - across.x, to.y - across.y],
      [from.x - across.x, from.y - across.y],
    ];
    for (const x of crossings(corners, y)) widen(x);
  }
  return least <= most ? [least, most] : null;
}

function crossings(points, y) {
  const found = [];
  for (let i = 0; i < points.length; i++) {
    const [x0, y0] = points[i];
    const [x1, y1] = points[(i + 1) % points.length];
    if (y0 <= y !== y1 <= y) found.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
  }
  return found.sort((one, other) => one - other);
}

/** Write `value` inside a polygon of {x, y} points, by the even-odd rule; returns what may have changed, null outside. */
export function fillPolygon(mask, width, height, points, value) {
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const rect = {
    left: Math.max(0, Math.floor(Math.min(...xs))),
    top: Math.max(0, Math.floor(Math.min(...ys))),
    right: Math.min(width, Math.ceil(Math.max(...xs))),
    bottom: Math.min(height, Math.ceil(Math.max(...ys))),
  };
  if (points.length < 3 || !(rect.left < rect.right && rect.top < rect.bottom)) return null;
  const corners = points.map((point) => [point.x, point.y]);
  for (let row = rect.top; row < rect.bottom; row++) {
    const found = crossings(corners, row + 0.5);
    for (let i = 0; i + 1 < found.length; i += 2) {
      const start = Math.max(0, Math.ceil(found[i] - 0.5));
      const end = Math.min(width, Math.ceil(found[i + 1] - 0.5));
      if (start < end) mask.fill(value, row * width + start, row * width + end);
    }
  }
  return rect;
}
