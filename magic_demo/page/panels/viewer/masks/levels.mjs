// What a map of levels (one byte a pixel, 0..255) says: mask, area share, colours. No DOM in here: node tests it.

/** Lowest level that counts as lesion at a threshold in 0..1; the same rule as overlay.level_of in Python. */
export function levelOf(threshold) {
  return Math.min(255, Math.max(1, Math.ceil(threshold * 255 - 1e-9)));
}

/** How many pixels have each level: 256 counts. */
export function countLevels(levels) {
  const counts = new Uint32Array(256);
  for (let i = 0; i < levels.length; i++) counts[levels[i]]++;
  return counts;
}

/** Share of the pixels at or above `level`, 0..1. */
export function areaShare(counts, level) {
  let inside = 0;
  let all = 0;
  for (let i = 0; i < 256; i++) {
    all += counts[i];
    if (i >= level) inside += counts[i];
  }
  return all ? inside / all : 0;
}

/** Take the level of every pixel out of RGBA bytes of a grey picture. */
export function levelsFromRgba(rgba) {
  const levels = new Uint8Array(rgba.length / 4);
  for (let i = 0; i < levels.length; i++) levels[i] = rgba[i * 4];
  return levels;
}

function pack(red, green, blue, alpha) {
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0; // little-endian RGBA, as every browser's ImageData is
}

/** One packed colour a level: `rgb` from `level` on, nothing below it. */
export function fillPalette(level, rgb) {
  const palette = new Uint32Array(256);
  palette.fill(pack(rgb[0], rgb[1], rgb[2], 255), level);
  return palette;
}

const HEAT = [
  [0, [40, 20, 90]],
  [64, [124, 29, 111]],
  [128, [222, 73, 80]],
  [192, [252, 162, 58]],
  [255, [252, 250, 170]],
];

/** One packed colour a level, dark to light (it reads without colour vision), more opaque where the level is higher. */
export function heatPalette() {
  const palette = new Uint32Array(256);
  for (let level = 0; level < 256; level++) {
    const upper = Math.max(1, HEAT.findIndex(([at]) => at >= level));
    const [low, from] = HEAT[upper - 1];
    const [high, to] = HEAT[upper];
    const part = (level - low) / (high - low);
    const mix = from.map((value, i) => Math.round(value + (to[i] - value) * part));
    palette[level] = pack(mix[0], mix[1], mix[2], Math.round(255 * Math.min(1, level / 140)));
  }
  return palette;
}
