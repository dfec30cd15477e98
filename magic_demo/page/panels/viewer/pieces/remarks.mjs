// The comments on single lesions of the open case's photos: [x, y, comment] each, a pixel of the photo's own file, so that the working size changes
// nothing. No DOM in here: node tests it.

import { OfPhotos } from "../tools/of_photos.mjs";

export const [MOST_REMARKS, MOST_CHARACTERS] = [100, 500]; // as in core/remark.py

/** A pixel of the photo as it is drawn, in pixels of its file; `drawnAt` of it is the same one. */
export function filedAt({ width, height, fullWidth = width, fullHeight = height }, { x, y }) {
  return [Math.min(fullWidth - 1, Math.ceil((x * fullWidth) / width)), Math.min(fullHeight - 1, Math.ceil((y * fullHeight) / height))];
}

export function drawnAt({ width, height, fullWidth = width, fullHeight = height }, [x, y]) {
  return { x: Math.min(width - 1, Math.floor((x * width) / fullWidth)), y: Math.min(height - 1, Math.floor((y * height) / fullHeight)) };
}

export class Remarks extends OfPhotos {
  constructor(does) {
    super(does, Object.freeze([]));
  }

  /** Let a comment be this, "" for none: the one of that number, or a new one at a pixel of the photo as it is drawn. */
  say(photo, number, at, text) {
    const comment = text.trim().slice(0, MOST_CHARACTERS);
    const remarks = this.of(photo);
    const others = remarks.filter((_, i) => i !== number);
    if (number !== null && comment) this.put(photo, remarks.map((one, i) => (i === number ? [one[0], one[1], comment] : one)));
    else if (number !== null) this.put(photo, others);
    else if (comment && remarks.length < MOST_REMARKS) this.put(photo, [...remarks, [...filedAt(photo, at), comment]]);
  }

  /** Let comments lie at other pixels of the photo as it is drawn: no edit of its own, it goes with the one of the outline. */
  move(photo, points) {
    const remarks = this.of(photo);
    const moved = remarks.map(([x, y, comment], i) => {
      const [before, { x: toX, y: toY }] = [drawnAt(photo, [x, y]), points[i]];
      return before.x === toX && before.y === toY ? remarks[i] : [...filedAt(photo, points[i]), comment];
    });
    if (moved.some((one, i) => one !== remarks[i])) this.lay(photo, moved);
  }

  /** As the server is told; null for none. */
  written(photo) {
    const remarks = this.kept.get(photo.name) ?? [];
    return remarks.length ? remarks : null;
  }
}
