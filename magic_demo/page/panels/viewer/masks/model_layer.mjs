// The model's map of one photo as it is drawn at a threshold: fill, heat and outline, made when they are first shown.

import { contour, maskAt, rangeBetween, tileRanges } from "./contour.mjs";
import { areaShare, countLevels, fillPalette, heatPalette } from "./levels.mjs";
import { pathOf } from "./mask_layer.mjs";

const FILL_RGB = [0, 200, 255];

export class ModelLayer {
  constructor(levels, width, height) {
    this.levels = levels;
    this.width = width;
    this.height = height;
    this.counts = countLevels(levels);
    this.ranges = tileRanges(levels, width, height);
    this.level = -1;
    this.step = 0;
    this.filled = null; // the fill's picture, and the level it was painted at
    this.filledAt = -1;
    this.lines = null;
    this.path = null;
    this.heatCanvas = null;
  }

  /** Show the map at another level; nothing happens where it is the same. */
  setLevel(level) {
    if (this.level === level) return;
    this.level = level;
    this.lines = contour(this.levels, this.width, this.height, level, this.ranges);
    this.step = 0;
  }

  /** The fill at the level shown, painted once it is asked for: most readers never do. */
  get fill() {
    if (this.filledAt === this.level) return this.filled;
    const whole = { left: 0, top: 0, right: this.width, bottom: this.height };
    const rect = this.filled ? rangeBetween(this.ranges, this.width, this.height, this.filledAt, this.level) : whole;
    this.filled ??= new OffscreenCanvas(this.width, this.height);
    if (rect) this.#paint(this.filled, fillPalette(this.level, FILL_RGB), rect);
    this.filledAt = this.level;
    return this.filled;
  }

  outline(step) {
    if (this.step !== step) {
      this.step = step;
      this.path = pathOf(this.lines, step);
    }
    return this.path;
  }

  heat() {
    if (!this.heatCanvas) {
      this.heatCanvas = new OffscreenCanvas(this.width, this.height);
      this.#paint(this.heatCanvas, heatPalette(), { left: 0, top: 0, right: this.width, bottom: this.height });
    }
    return this.heatCanvas;
  }

  /** The mask at a level, 1 inside. */
  mask(level) {
    return maskAt(this.levels, this.width, this.height, level, this.ranges);
  }

  share(level) {
    return areaShare(this.counts, level);
  }

  #paint(canvas, palette, { left, top, right, bottom }) {
    const context = canvas.getContext("2d");
    const image = context.createImageData(right - left, bottom - top);
    const pixels = new Uint32Array(image.data.buffer);
    for (let y = top, to = 0; y < bottom; y++) {
      for (let i = y * this.width + left, end = y * this.width + right; i < end; i++) pixels[to++] = palette[this.levels[i]];
    }
    context.putImageData(image, left, top);
  }
}
