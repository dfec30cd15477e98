// Where the photo lies in the window: {scale, x, y, angle, flip}. A photo point is mirrored left to right where `flip`, turned clockwise by `angle`
// degrees and scaled; x and y are the window pixel on which the photo's left top corner comes to lie. No DOM in here: node tests it.

export const MAX_SCALE = 32;
const FILE_SCALE = 8; // a file's own pixels can be seen at least so large

/** How far a photo can be enlarged: its working pixels 32 times, a large file's own ones 8 times. */
export function mostScale({ width, fullWidth = width }) {
  return Math.max(MAX_SCALE, (FILE_SCALE * fullWidth) / width);
}

// A quarter turn is exact: what is drawn in a turned view is the same to the pixel.
function turnOf({ angle = 0, flip = false }) {
  const quarters = angle / 90;
  const exact = Number.isInteger(quarters);
  const cos = exact ? [1, 0, -1, 0][((quarters % 4) + 4) % 4] : Math.cos((angle * Math.PI) / 180);
  const sin = exact ? [0, 1, 0, -1][((quarters % 4) + 4) % 4] : Math.sin((angle * Math.PI) / 180);
  return { cos, sin, side: flip ? -1 : 1 };
}

/** The view as the six numbers of an affine transform from photo to window, as canvas and SVG take them. */
export function matrixOf(view) {
  const { cos, sin, side } = turnOf(view);
  const { scale, x, y } = view;
  return [scale * cos * side, scale * sin * side, -scale * sin, scale * cos, x, y];
}

/** The window rectangle {left, top, right, bottom} that holds a rectangle of the photo. */
export function extent(view, { left, top, right, bottom }) {
  const corners = [[left, top], [right, top], [left, bottom], [right, bottom]].map(([x, y]) => toWindow(view, { x, y }));
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

const whole = ({ width, height }) => ({ left: 0, top: 0, right: width, bottom: height });

/** The whole photo in the middle of the window, with a margin; photos smaller than the window are enlarged up to 4 times. turn: {angle, flip}. */
export function fit(photo, room, turn = {}, margin = 10) {
  const { angle = 0, flip = false } = turn;
  const { left, top, right, bottom } = extent({ scale: 1, x: 0, y: 0, angle, flip }, whole(photo));
  const scale = Math.min((room.width - 2 * margin) / (right - left), (room.height - 2 * margin) / (bottom - top), 4);
  const safe = scale > 0 ? scale : 1;
  return { scale: safe, x: (room.width - (left + right) * safe) / 2, y: (room.height - (top + bottom) * safe) / 2, angle, flip };
}

/** Zoom by `factor` so that what lies under `point` stays under it. */
export function zoomAt(view, factor, point, least, most = MAX_SCALE) {
  const scale = Math.min(most, Math.max(least, view.scale * factor));
  const part = scale / view.scale;
  return { ...view, scale, x: point.x - (point.x - view.x) * part, y: point.y - (point.y - view.y) * part };
}

/** Turn the photo to {angle, flip} so that what lies under `point` stays under it. */
export function turnAt(view, { angle, flip }, point) {
  const at = toPhoto(view, point);
  const turned = { ...view, x: 0, y: 0, angle, flip };
  const to = toWindow(turned, at);
  return { ...turned, x: point.x - to.x, y: point.y - to.y };
}

/** Keep the photo in sight: centred where it is smaller than the window, no gap at a side where it is larger. */
export function keepInside(view, photo, room) {
  const along = (offset, size, space) => {
    if (size <= space) return (space - size) / 2;
    const slack = space * 0.25;
    return Math.min(slack, Math.max(space - size - slack, offset));
  };
  const { left, top, right, bottom } = extent(view, whole(photo));
  return {
    ...view,
    x: view.x + along(left, right - left, room.width) - left,
    y: view.y + along(top, bottom - top, room.height) - top,
  };
}

/** What two fingers say: from the points they had to the points they have. */
export function pinch(view, before, after, least, most = MAX_SCALE) {
  const middle = ([one, two]) => ({ x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 });
  const spread = ([one, two]) => Math.hypot(one.x - two.x, one.y - two.y) || 1;
  const from = middle(before);
  const to = middle(after);
  const moved = { ...view, x: view.x + to.x - from.x, y: view.y + to.y - from.y };
  return zoomAt(moved, spread(after) / spread(before), to, least, most);
}

/** Photo coordinates of a window point. */
export function toPhoto(view, point) {
  const { cos, sin, side } = turnOf(view);
  const [dx, dy] = [point.x - view.x, point.y - view.y];
  return { x: (side * (cos * dx + sin * dy)) / view.scale, y: (cos * dy - sin * dx) / view.scale };
}

/** Window coordinates of a photo point. */
export function toWindow(view, point) {
  const [a, b, c, d, x, y] = matrixOf(view);
  return { x: a * point.x + c * point.y + x, y: b * point.x + d * point.y + y };
}
