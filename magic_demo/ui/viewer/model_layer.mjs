// The model's map of one photo as it is drawn at a threshold: fill, heat and outline, made when they are first shown.

import { contour, tileRanges } from "./contour.mjs";
import { areaShare, countLevels, fillPalette, heatPalette, maskOf, paint } from "./levels.mjs";
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
    this.fill = null;
    this.lines = null;
    this.path = null;
    this.heatCanvas = null;
  }

  /** Show the map at another level; nothing happens where it is the same. */
  setLevel(level) {
    if (this.level === level) return;
    this.level = level;
    this.fill = this.#paint(fillPalette(level, FILL_RGB), this.fill);
    this.lines = contour(this.levels, this.width, this.height, level, this.ranges);
    this.step = 0;
  }

  outline(step) {
    if (this.step !== step) {
      this.step = step;
      this.path = pathOf(this.lines, step);
    }
    return this.path;
  }

  heat() {
    if (!this.heatCanvas) this.heatCanvas = this.#paint(heatPalette(), null);
    return this.heatCanvas;
  }

  /** The mask at a level, 1 inside. */
  mask(level) {
    return maskOf(this.levels, level);
  }

  share(level) {
    return areaShare(this.counts, level);
  }

  #paint(palette, before) {
    const canvas = before ?? new OffscreenCanvas(this.width, this.height);
    const context = canvas.getContext("2d");
    const image = context.createImageData(this.width, this.height);
    paint(this.levels, palette, new Uint32Array(image.data.buffer));
    context.putImageData(image, 0, 0);
    return canvas;
  }
}
