// Where the guide stands: beside what it speaks of, never over it. Rectangles in, a corner out; no page in here.

const GAP = 14;

const overlap = (first, second) =>
  Math.max(0, Math.min(first.right, second.right) - Math.max(first.left, second.left)) * Math.max(0, Math.min(first.bottom, second.bottom) - Math.max(first.top, second.top));

const within = (value, low, high) => Math.max(low, Math.min(value, Math.max(low, high)));

/**
 * The place of a box of some size in a window, as {left, top}: the first of those beside a target, or in a corner, that covers no target; where
 * every place covers something, the one that covers least.
 *
 * spoken: rectangles {left, top, right, bottom} that stay clear. size, room: {width, height}.
 */
export function placeBeside(spoken, size, room) {
  const last = { left: room.width - size.width - GAP, top: room.height - size.height - GAP };
  const tries = spoken.flatMap((rectangle) => [
    { left: rectangle.right + GAP, top: rectangle.top + GAP },
    { left: rectangle.left - size.width - GAP, top: rectangle.top + GAP },
    { left: rectangle.left, top: rectangle.bottom + GAP },
    { left: rectangle.left, top: rectangle.top - size.height - GAP },
  ]);
  for (const left of [GAP, last.left / 2, last.left]) for (const top of [last.top, last.top / 2, GAP]) tries.push({ left, top });
  let best = null;
  for (const candidate of tries) {
    const corner = { left: within(candidate.left, GAP, last.left), top: within(candidate.top, GAP, last.top) };
    const box = { ...corner, right: corner.left + size.width, bottom: corner.top + size.height };
    const covered = spoken.reduce((sum, target) => sum + overlap(box, target), 0);
    if (covered === 0) return corner;
    if (best === null || covered < best.covered) best = { ...corner, covered };
  }
  return { left: best?.left ?? GAP, top: best?.top ?? GAP };
}
