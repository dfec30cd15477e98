// A mask of 0 and 1 as it is drawn: its fill as a picture of the photo's size, its outline as a path. Only what changed is made again.

import { contour, outlinePieces, thin, tileRanges, updateRanges } from "./contour.mjs";

export class MaskLayer {
  constructor(mask, width, height, rgb) {
    this.mask = mask; // read whenever the layer is told of a change
    this.width = width;
    this.height = height;
    this.packed = ((255 << 24) | (rgb[2] << 16) | (rgb[1] << 8) | rgb[0]) >>> 0;
    this.fill = new OffscreenCanvas(width, height);
    this.context = this.fill.getContext("2d");
    this.ranges = tileRanges(mask, width, height);
    this.lines = null;
    this.path = null;
    this.step = 0;
    this.paint({ left: 0, top: 0, right: width, bottom: height });
  }

  /** Draw a changed rectangle of the fill again; the outline is left as it was until `settle`. */
  paint(rect) {
    const across = rect.right - rect.left;
    const down = rect.bottom - rect.top;
    if (across <= 0 || down <= 0) return;
    const image = this.context.createImageData(across, down);
    const pixels = new Uint32Array(image.data.buffer);
    for (let y = 0; y < down; y++) {
      const from = (rect.top + y) * this.width + rect.left;
      for (let x = 0; x < across; x++) if (this.mask[from + x]) pixels[y * across + x] = this.packed;
    }
    this.context.putImageData(image, rect.left, rect.top);
  }

  /** A change is over: bring fill and outline up to date in its rectangle. */
  settle(rect, { painted = false } = {}) {
    if (!painted) this.paint(rect);
    updateRanges(this.ranges, this.mask, this.width, this.height, rect);
    this.lines = null;
  }

  /** The outline, without points that cannot be told apart at `step` photo pixels. */
  outline(step) {
    if (!this.lines) {
      this.lines = contour(this.mask, this.width, this.height, 1, this.ranges);
      this.step = 0;
    }
    if (this.step !== step) {
      this.step = step;
      this.path = pathOf(this.lines, step);
    }
    return this.path;
  }

  /** The outline inside a rectangle while a stroke is being drawn. */
  outlineIn(rect) {
    const path = new Path2D();
    const pieces = outlinePieces(this.mask, this.width, this.height, rect);
    for (let i = 0; i < pieces.length; i += 4) {
      path.moveTo(pieces[i], pieces[i + 1]);
      path.lineTo(pieces[i + 2], pieces[i + 3]);
    }
    return path;
  }
}

export function pathOf(lines, step) {
  const path = new Path2D();
  for (const line of lines) {
    const points = thin(line, step);
    path.moveTo(points[0], points[1]);
    for (let i = 2; i < points.length; i += 2) path.lineTo(points[i], points[i + 1]);
    path.closePath();
  }
  return path;
}
