// Where the photo lies in the window: {scale, x, y}, with x and y the photo's left top corner in window pixels.
// No DOM in here: node tests it.

export const MAX_SCALE = 32;

/** The whole photo in the middle of the window, with a margin; photos smaller than the window are enlarged up to 4 times. */
export function fit(photo, room, margin = 10) {
  const scale = Math.min((room.width - 2 * margin) / photo.width, (room.height - 2 * margin) / photo.height, 4);
  const safe = scale > 0 ? scale : 1;
  return { scale: safe, x: (room.width - photo.width * safe) / 2, y: (room.height - photo.height * safe) / 2 };
}

/** Zoom by `factor` so that what lies under `point` stays under it. */
export function zoomAt(view, factor, point, least) {
  const scale = Math.min(MAX_SCALE, Math.max(least, view.scale * factor));
  const part = scale / view.scale;
  return { scale, x: point.x - (point.x - view.x) * part, y: point.y - (point.y - view.y) * part };
}

/** Keep the photo in sight: centred where it is smaller than the window, no gap at a side where it is larger. */
export function keepInside(view, photo, room) {
  const along = (offset, size, space) => {
    if (size <= space) return (space - size) / 2;
    const slack = space * 0.25;
    return Math.min(slack, Math.max(space - size - slack, offset));
  };
  return {
    scale: view.scale,
    x: along(view.x, photo.width * view.scale, room.width),
    y: along(view.y, photo.height * view.scale, room.height),
  };
}

/** What two fingers say: from the points they had to the points they have. */
export function pinch(view, before, after, least) {
  const middle = ([one, two]) => ({ x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 });
  const spread = ([one, two]) => Math.hypot(one.x - two.x, one.y - two.y) || 1;
  const from = middle(before);
  const to = middle(after);
  const moved = { scale: view.scale, x: view.x + to.x - from.x, y: view.y + to.y - from.y };
  return zoomAt(moved, spread(after) / spread(before), to, least);
}

/** Photo coordinates of a window point. */
export function toPhoto(view, point) {
  return { x: (point.x - view.x) / view.scale, y: (point.y - view.y) / view.scale };
}

/** Window coordinates of a photo point. */
export function toWindow(view, point) {
  return { x: point.x * view.scale + view.x, y: point.y * view.scale + view.y };
}
