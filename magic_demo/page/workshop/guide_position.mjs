// Where the guide stands: beside what it speaks of, never over it. Rectangles in, a corner out; no page in here.

const GAP = 14;

const overlap = (one, other) =>
  Math.max(0, Math.min(one.right, other.right) - Math.max(one.left, other.left)) * Math.max(0, Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top));

const within = (value, low, high) => Math.max(low, Math.min(value, Math.max(low, high)));

/**
 * The place of a box of some size in a window, as {left, top}: the first of those beside a target, or in a corner, that covers no target; where
 * every place covers something, the one that covers least.
 *
 * spoken: rectangles {left, top, right, bottom} that stay clear. size, room: {width, height}.
 */
export function placeBeside(spoken, size, room) {
  const last = { left: room.width - size.width - GAP, top: room.height - size.height - GAP };
  const tries = spoken.flatMap((one) => [
    { left: one.right + GAP, top: one.top + GAP },
    { left: one.left - size.width - GAP, top: one.top + GAP },
    { left: one.left, top: one.bottom + GAP },
    { left: one.left, top: one.top - size.height - GAP },
  ]);
  for (const left of [GAP, last.left / 2, last.left]) for (const top of [last.top, last.top / 2, GAP]) tries.push({ left, top });
  let best = null;
  for (const one of tries) {
    const corner = { left: within(one.left, GAP, last.left), top: within(one.top, GAP, last.top) };
    const box = { ...corner, right: corner.left + size.width, bottom: corner.top + size.height };
    const covered = spoken.reduce((sum, target) => sum + overlap(box, target), 0);
    if (covered === 0) return corner;
    if (best === null || covered < best.covered) best = { ...corner, covered };
  }
  return { left: best?.left ?? GAP, top: best?.top ?? GAP };
}
