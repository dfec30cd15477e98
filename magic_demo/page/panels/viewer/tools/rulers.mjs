// What a reader measures in the photos of the open case: of each photo one line of known length, and the lines measured by it, in pixels of the
// photo's own file, so that neither zoom nor turn nor the working size changes a length. No DOM in here: node tests it.

import { OfPhotos } from "./of_photos.mjs";

export const [LEAST_MM, MOST_MM, MOST_LINES] = [0.1, 1000, 100]; // as in core/ruler.py
/** Window pixels around a line that mean it; further off a click sets an end of the next line, which is often near: the width beside the length. */
export const NEAR = { mouse: 4, pen: 5, touch: 9 };
const EMPTY = { known: null, mm: null, lines: [] };

export const lengthOf = ([x, y, toX, toY]) => Math.hypot(toX - x, toY - y);

/** Millimetres a pixel, null where the photo is not calibrated. */
export const scaleOf = (ruler) => (ruler?.known ? ruler.mm / lengthOf(ruler.known) : null);

/** A length in words: never in millimetres without a scale. */
export const sayLength = (pixels, scale) => (scale === null ? `${Math.round(pixels)} px` : `${(pixels * scale).toFixed(1)} mm`);

/** A typed length in millimetres, null where it is none. */
export function readMm(text) {
  const mm = Number(String(text).trim().replace(",", "."));
  return mm >= LEAST_MM && mm <= MOST_MM ? mm : null;
}

/** Whether a key begins a length. */
export const beginsLength = (key) => /^\d$/.test(key);

/** A line between two points of the photo as it is drawn, in pixels of its file. */
export function lineBetween(photo, from, to) {
  const { width, height, fullWidth = width, fullHeight = height } = photo;
  const within = (value, size, full) => Math.round(100 * Math.min(full, Math.max(0, (value * full) / size))) / 100;
  return [from, to].flatMap(({ x, y }) => [within(x, width, fullWidth), within(y, height, fullHeight)]);
}

/** The ends of a line as points of the photo as it is drawn. */
export function endsOf({ width, height, fullWidth = width, fullHeight = height }, [x, y, toX, toY]) {
  return [[x, y], [toX, toY]].map(([across, down]) => ({ x: (across * width) / fullWidth, y: (down * height) / fullHeight }));
}

/** Which line of a ruler lies within `reach` of a point, all as drawn: its index, -1 for the known one, null for none. */
export function lineAt(photo, ruler, at, reach) {
  const lines = [...(ruler.known ? [[-1, ruler.known]] : []), ...ruler.lines.entries()];
  const far = lines.map(([number, line]) => [distance(at, ...endsOf(photo, line)), number]).sort(([one], [other]) => one - other);
  return far.length && far[0][0] <= reach ? far[0][1] : null;
}

function distance(at, from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const along = Math.min(1, Math.max(0, ((at.x - from.x) * dx + (at.y - from.y) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(at.x - from.x - along * dx, at.y - from.y - along * dy);
}

export class Rulers extends OfPhotos {
  constructor(does) {
    super(does, EMPTY);
  }

  scale(photo) {
    return scaleOf(this.of(photo));
  }

  /** Add a line; the first of a photo, and where it `calibrates`, is the one that is `mm` long. */
  add(photo, line, { calibrates, mm }) {
    const ruler = this.of(photo);
    if (calibrates || !ruler.known) this.put(photo, { ...ruler, known: line, mm });
    else if (ruler.lines.length < MOST_LINES) this.put(photo, { ...ruler, lines: [...ruler.lines, line] });
  }

  /** Take a line away, -1 the known one: without it nothing has millimetres any more. */
  remove(photo, number) {
    const ruler = this.of(photo);
    if (number < 0) this.put(photo, { ...ruler, known: null, mm: null });
    else this.put(photo, { ...ruler, lines: ruler.lines.filter((_, i) => i !== number) });
  }

  /** Let the known line be so long: every length of the photo follows. */
  setMm(photo, mm) {
    const ruler = this.of(photo);
    if (ruler.known) this.put(photo, { ...ruler, mm });
  }

  /** As the server is told; null for nothing. */
  written(photo) {
    const ruler = this.kept.get(photo.name) ?? EMPTY;
    return ruler.known || ruler.lines.length ? ruler : null;
  }
}
