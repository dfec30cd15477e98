// A mask of 0 and 1 as it is drawn: its fill as a picture of the photo's size, its outline as a path. Only what changed is made again.

import { contour, contourInside, emptyRanges, thin, updateRanges } from "./contour.mjs";
import { bounds, union } from "./runs.mjs";

export class MaskLayer {
  constructor(mask, width, height, rgb) {
    this.mask = mask; // read whenever the layer is told of a change
    this.width = width;
    this.height = height;
    this.packed = ((255 << 24) | (rgb[2] << 16) | (rgb[1] << 8) | rgb[0]) >>> 0;
    this.picture = new OffscreenCanvas(width, height);
    this.context = this.picture.getContext("2d");
    this.unpainted = bounds(mask, width, height);
    this.piece = new OffscreenCanvas(1, 1); // where a stroke is shown from, see fillInside
    this.ranges = emptyRanges(width, height);
    this.unranged = this.unpainted;
    this.lines = null;
    this.path = null;
    this.step = 0;
  }

  /** The fill, up to date. */
  get fill() {
    if (this.unpainted) this.#paint(this.context, this.unpainted, this.unpainted);
    this.unpainted = null;
    return this.picture;
  }

  /** Pixels of a rectangle have changed: fill and outline are made again there once they are drawn. */
  touch(rect) {
    this.unpainted = union(this.unpainted, rect);
    this.unranged = union(this.unranged, rect);
    this.lines = null;
  }

  /** The outline, without points that cannot be told apart at `step` photo pixels. */
  outline(step) {
    if (!this.lines) {
      if (this.unranged) updateRanges(this.ranges, this.mask, this.width, this.height, this.unranged);
      this.unranged = null;
      this.lines = contour(this.mask, this.width, this.height, 1, this.ranges);
      this.step = 0;
    }
    if (this.step !== step) {
      this.step = step;
      this.path = pathOf(this.lines, step);
    }
    return this.path;
  }

  /** The fill inside a rectangle while a stroke is being drawn: a small picture, its left top corner the rectangle's. */
  fillInside(rect) {
    const [across, down] = [rect.right - rect.left, rect.bottom - rect.top];
    // A picture that is written while the last frame still reads it is copied first: the whole mask's would be, this one is small.
    if (this.piece.width < across || this.piece.height < down) this.piece = new OffscreenCanvas(across + 64, down + 64);
    this.#paint(this.piece.getContext("2d"), rect, { left: 0, top: 0 });
    return this.piece;
  }

  /** The outline inside a rectangle while a stroke is being drawn. */
  outlineInside(rect, step) {
    const { closed, open } = contourInside(this.mask, this.width, this.height, rect);
    return pathOf(closed, step, pathOf(open, step, new Path2D(), false));
  }

  #paint(context, rect, { left, top }) {
    const [across, down] = [rect.right - rect.left, rect.bottom - rect.top];
    if (across <= 0 || down <= 0) return;
    const image = context.createImageData(across, down);
    const pixels = new Uint32Array(image.data.buffer);
    for (let y = 0, to = 0; y < down; y++) {
      for (let i = (rect.top + y) * this.width + rect.left, end = i + across; i < end; i++, to++) if (this.mask[i]) pixels[to] = this.packed;
    }
    context.putImageData(image, left, top);
  }
}

export function pathOf(lines, step, path = new Path2D(), closed = true) {
  for (const line of lines) {
    const points = thin(line, step);
    path.moveTo(points[0], points[1]);
    for (let i = 2; i < points.length; i += 2) path.lineTo(points[i], points[i + 1]);
    if (closed) path.closePath();
  }
  return path;
}
