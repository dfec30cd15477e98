// What a mask and its photo say, with the definitions of magic_demo/imaging/measure.py, which tells where they come from: number of lesions, the
// colour that prevails, the tone of the skin around. Both are tested on the same small photos. No DOM in here: node tests it.

import { bounds } from "../masks/runs.mjs";

export const DEFINITIONS = {
  LONGEST_SIDE: 512,
  SPECK_OF_PHOTO: 0.0004,
  SPECK_OF_LARGEST: 0.02,
  BORDER_BAND: 0.015,
  RING: 0.09,
  MOST_SAMPLES: 1500,
  CLUSTERS: 3,
  LEAST_CLUSTER: 0.08,
  COMBINED_BELOW: 0.5,
  LEAST_COMBINED: 0.2,
  REFERENCE_SKIN: [200, 155, 130],
  COLOURS: {
    "normal skin color": [0, 0, 0],
    pink: [-5, 7, -1],
    red: [-10, 13, 0],
    brown: [-23, 8, 5],
    blue: [-23, -8, -16],
    purple: [-21, 9, -13],
    black: [-37, -5, -8],
    white: [25, -6, -9],
    hyperpigmentation: [-10, 2, 3],
    hypopigmentation: [6, -3, -2],
  },
  SHADES: [["normal skin color"], ["pink", "red"], ["brown", "hyperpigmentation", "black"], ["blue"], ["purple"], ["white", "hypopigmentation"]],
  SKIN_LIGHTNESS: [8, 95],
  SKIN_CHROMA: [7, 60],
  SKIN_HUE: [10, 85],
  LEAST_SKIN_AROUND: 0.25,
  LEAST_SKIN_OF_PHOTO: 0.01,
  TONES: [[55, "very light"], [41, "light"], [28, "intermediate"], [10, "tan"], [-30, "brown"], [-1e9, "dark"]],
};
const { SPECK_OF_PHOTO, SPECK_OF_LARGEST, BORDER_BAND, RING, MOST_SAMPLES, CLUSTERS, LEAST_CLUSTER } = DEFINITIONS;
const { COMBINED_BELOW, LEAST_COMBINED, REFERENCE_SKIN, COLOURS, SHADES, TONES } = DEFINITIONS;
const { SKIN_LIGHTNESS, SKIN_CHROMA, SKIN_HUE, LEAST_SKIN_AROUND, LEAST_SKIN_OF_PHOTO } = DEFINITIONS;
export const COMBINATION = "combination";

/**
 * pixels: {data (RGBA bytes), width, height}, at the size it is measured at; mask: {data (0 and 1), width, height}, that size or larger.
 * Returns {count, specks, areaShare, colour: name | null, tone: {angle, group} | null}; tone: of the skin around, where enough of it is in view.
 */
export function measurePhoto(pixels, mask) {
  const { width, height } = pixels;
  const { count, specks } = keepParts(mask.data, mask.width, mask.height); // as it is drawn: what is a gap there may be none when small
  const around = lookAround(pixels, mask);
  if (!around) return { count, specks, areaShare: 0, colour: null, tone: toneOfSkin(take(pixels, new Uint8Array(width * height).fill(1)), 1) };
  if (!around.skin) return { count, specks, areaShare: around.areaShare, colour: null, tone: null };
  return { count, specks, areaShare: around.areaShare, colour: nameRegion(pixels, around.lesion, around), tone: toneOfSkin(around.skin, around.ringShare) };
}

/**
 * What is lesion at the size of the pixels, how far each of its pixels lies inside, and the colours of the skin around it: {lesion, inside, band,
 * areaShare, ringShare, skin: null where nothing but lesion is in view}. Null where there is no lesion.
 */
export function lookAround(pixels, mask) {
  const { width, height } = pixels;
  const { lesion, count } = keepParts(shrinkMask(mask, width, height), width, height);
  if (!count) return null;
  const diagonal = Math.hypot(width, height);
  const outside = distances(lesion, width, height, 1);
  const inside = distances(lesion, width, height, 0);
  const band = Math.max(2, BORDER_BAND * diagonal);
  const reach = Math.max(6, RING * diagonal);
  let around = new Uint8Array(lesion.length);
  let [ring, area] = [0, 0];
  for (let i = 0; i < lesion.length; i++) {
    if (outside[i] > band && outside[i] <= reach) ring += around[i] = 1;
    area += lesion[i];
  }
  if (ring < 64) {
    around = Uint8Array.from(lesion, (one) => 1 - one);
    ring = lesion.length - area;
  }
  const areaShare = area / lesion.length;
  const ringShare = ring / lesion.length;
  return { lesion, inside, band, areaShare, ringShare, skin: area === lesion.length ? null : take(pixels, around) };
}

/** The colour that prevails in a region of the lesion, far enough from its border; null where it has no pixel. */
export function nameRegion(pixels, region, { inside, band, skin }) {
  let deepest = 0;
  for (let i = 0; i < region.length; i++) if (region[i] && inside[i] > deepest) deepest = inside[i];
  const core = Math.min(band, 0.5 * deepest);
  return dominant(nameColours(balanceColours(take(pixels, region.map((one, i) => (inside[i] > core ? one : 0))), skin)));
}

/** A mask at a smaller size: a pixel is lesion where at least half of what it covers is. */
function shrinkMask(mask, width, height) {
  if (mask.width === width && mask.height === height) return mask.data;
  const small = new Uint8Array(width * height);
  const box = bounds(mask.data, mask.width, mask.height);
  if (!box) return small;
  const scaled = (at, size, whole) => (at * whole) / size;
  const lastColumn = Math.min(width - 1, Math.ceil(scaled(box.right, mask.width, width)));
  const lastRow = Math.min(height - 1, Math.ceil(scaled(box.bottom, mask.height, height)));
  for (let y = Math.max(0, Math.floor(scaled(box.top, mask.height, height)) - 1); y <= lastRow; y++) {
    const top = Math.floor(scaled(y, height, mask.height));
    const bottom = Math.max(top + 1, Math.round(scaled(y + 1, height, mask.height)));
    for (let x = Math.max(0, Math.floor(scaled(box.left, mask.width, width)) - 1); x <= lastColumn; x++) {
      const left = Math.floor(scaled(x, width, mask.width));
      const right = Math.max(left + 1, Math.round(scaled(x + 1, width, mask.width)));
      let sum = 0;
      for (let row = top; row < bottom; row++) for (let i = row * mask.width + left; i < row * mask.width + right; i++) sum += mask.data[i];
      small[y * width + x] = 2 * sum >= (bottom - top) * (right - left) ? 1 : 0;
    }
  }
  return small;
}

/** The parts of a mask, which touch along sides and corners: {runs: [row, start, end], rootOf(index of a run): its part, areas: part -> pixels}. */
export function partsOf(mask, width, height) {
  const runs = []; // [row, start, end, the part: the place of another of its runs, or of itself]
  const rootOf = (index) => {
    while (runs[index][3] !== index) index = runs[index][3] = runs[runs[index][3]][3];
    return index;
  };
  let before = 0; // the first run of the row above
  for (let y = 0; y < height; y++) {
    const row = mask.subarray(y * width, (y + 1) * width);
    const first = runs.length;
    let above = before;
    for (let start = row.indexOf(1); start >= 0; ) {
      const next = row.indexOf(0, start);
      const end = next < 0 ? width : next;
      const own = runs.length;
      runs.push([y, start, end, own]);
      while (above < first && runs[above][2] < start) above++;
      for (let one = above; one < first && runs[one][1] <= end; one++) runs[rootOf(one)][3] = rootOf(own);
      start = row.indexOf(1, end);
    }
    before = first;
  }
  const areas = new Map();
  runs.forEach(([, start, end], index) => areas.set(rootOf(index), (areas.get(rootOf(index)) ?? 0) + end - start));
  return { runs, rootOf, areas };
}

/** How large a part must be to be no speck, of a mask of so many pixels with parts of these areas. */
export function leastArea(size, areas) {
  return Math.max(4, SPECK_OF_PHOTO * size, SPECK_OF_LARGEST * [...areas.values()].reduce((most, area) => Math.max(most, area), 0));
}

/** The mask without specks, how many parts are left, and how many specks there were. */
function keepParts(mask, width, height) {
  const { runs, rootOf, areas } = partsOf(mask, width, height);
  const least = leastArea(mask.length, areas);
  const lesion = new Uint8Array(mask.length);
  runs.forEach(([y, start, end], index) => areas.get(rootOf(index)) >= least && lesion.fill(1, y * width + start, y * width + end));
  const count = [...areas.values()].filter((area) => area >= least).length;
  return { lesion, count, specks: areas.size - count };
}

// How far each pixel is from the nearest one of `value`, by the two-pass chamfer that OpenCV's 3 x 3 mask stands for.
function distances(mask, width, height, value) {
  const [straight, across] = [0.955, 1.3693];
  const far = new Float32Array((width + 2) * (height + 2)).fill(1e6); // with a rim, so that no neighbour is missing
  const stride = width + 2;
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (mask[y * width + x] === value) far[(y + 1) * stride + x + 1] = 0;
  const nearest = (i, step) => {
    let least = far[i];
    if (far[i - step] + straight < least) least = far[i - step] + straight;
    if (far[i - step * stride] + straight < least) least = far[i - step * stride] + straight;
    if (far[i - step * (stride + 1)] + across < least) least = far[i - step * (stride + 1)] + across;
    if (far[i - step * (stride - 1)] + across < least) least = far[i - step * (stride - 1)] + across;
    return least;
  };
  for (let y = 1; y <= height; y++) for (let i = y * stride + 1; i <= y * stride + width; i++) if (far[i]) far[i] = nearest(i, 1);
  for (let y = height; y >= 1; y--) for (let i = y * stride + width; i > y * stride; i--) if (far[i]) far[i] = nearest(i, -1);
  const result = new Float32Array(mask.length);
  for (let y = 0; y < height; y++) result.set(far.subarray((y + 1) * stride + 1, (y + 1) * stride + 1 + width), y * width);
  return result;
}

// About MOST_SAMPLES pixels [red, green, blue] of a region (1 inside), spread evenly over it.
function take(pixels, region) {
  let size = 0;
  for (let i = 0; i < region.length; i++) size += region[i];
  const step = Math.max(1, Math.floor(size / MOST_SAMPLES));
  const colours = [];
  for (let i = 0, wait = 0; i < region.length; i++) {
    if (!region[i]) continue;
    if (wait === 0) colours.push([...pixels.data.subarray(i * 4, i * 4 + 3)]);
    wait = wait === 0 ? step - 1 : wait - 1;
  }
  return colours;
}

const LINEAR = Float64Array.from({ length: 256 }, (_, level) => (level / 255 <= 0.04045 ? level / 255 / 12.92 : ((level / 255 + 0.055) / 1.055) ** 2.4));
const linear = (colour) => colour.map((level) => LINEAR[level]);

/** CIE Lab (D65) of an sRGB colour [red, green, blue] in 0..255. */
export const toLab = (colour) => linearToLab(linear(colour));

// The lesion's pixels in Lab under light in which the median of the skin's looks like REFERENCE_SKIN.
function balanceColours(lesion, skin) {
  const light = linear(medianColour(skin).map(Math.floor));
  const gains = linear(REFERENCE_SKIN).map((share, channel) => share / Math.max(light[channel], LINEAR[1]));
  return lesion.map((colour) => linearToLab(linear(colour).map((share, channel) => share * gains[channel])));
}

function linearToLab([red, green, blue]) {
  const bend = (part) => (part > 0.008856 ? Math.cbrt(part) : 7.787 * part + 16 / 116);
  const x = bend((0.412453 * red + 0.35758 * green + 0.180423 * blue) / 0.950456);
  const light = 0.212671 * red + 0.71516 * green + 0.072169 * blue;
  const y = bend(light);
  const z = bend((0.019334 * red + 0.119193 * green + 0.950227 * blue) / 1.088754);
  return [light > 0.008856 ? 116 * y - 16 : 903.3 * light, 500 * (x - y), 200 * (y - z)];
}

function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const medianColour = (colours) => [0, 1, 2].map((channel) => median(colours.map((colour) => colour[channel])));
const squared = (one, other) => (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 + (one[2] - other[2]) ** 2;

/** The tone of those of a region's pixels that may be skin; null where there are too few. regionShare: how much of the photo the region is. */
function toneOfSkin(colours, regionShare) {
  const within = (value, [low, high]) => value >= low && value <= high;
  const skin = colours.map(toLab).filter(
    ([lightness, red, yellow]) =>
      within(lightness, SKIN_LIGHTNESS) && within(Math.hypot(red, yellow), SKIN_CHROMA) && within((Math.atan2(yellow, red) * 180) / Math.PI, SKIN_HUE),
  );
  const share = skin.length / colours.length;
  return share < LEAST_SKIN_AROUND || share * regionShare < LEAST_SKIN_OF_PHOTO ? null : toneOf(medianColour(skin));
}

function toneOf([lightness, , yellow]) {
  const angle = (Math.atan2(lightness - 50, Math.max(yellow, 1e-3)) * 180) / Math.PI;
  return { angle, group: TONES.find(([lowest]) => angle > lowest)[1] };
}

// Up to three clusters of the lesion's colours, begun by lightness, with the name of each: name -> share.
function nameColours(colours) {
  const skin = toLab(REFERENCE_SKIN);
  const clusters = Math.min(CLUSTERS, colours.length);
  const labels = new Uint8Array(colours.length);
  const order = colours.map((_, i) => i).sort((one, other) => colours[one][0] - colours[other][0]);
  order.forEach((i, rank) => (labels[i] = Math.floor((rank * clusters) / colours.length)));
  let centres = null;
  for (let turn = 1; turn <= 12; turn++) {
    const before = centres;
    centres = Array.from({ length: clusters }, (_, cluster) => meanOf(colours, labels, cluster) ?? before?.[cluster] ?? skin);
    if (turn === 12 || (before && centres.every((centre, i) => squared(centre, before[i]) <= 0.25))) break;
    colours.forEach((colour, i) => {
      let best = 0;
      for (let cluster = 1; cluster < clusters; cluster++) if (squared(colour, centres[cluster]) < squared(colour, centres[best])) best = cluster;
      labels[i] = best;
    });
  }
  const shares = new Map();
  for (let cluster = 0; cluster < clusters; cluster++) {
    const members = colours.filter((_, i) => labels[i] === cluster);
    if (!members.length || members.length < LEAST_CLUSTER * colours.length) continue;
    const middle = medianColour(members);
    const name = nameColour(middle.map((value, i) => value - skin[i]));
    shares.set(name, (shares.get(name) ?? 0) + members.length / colours.length);
  }
  return shares;
}

function meanOf(colours, labels, cluster) {
  const sum = [0, 0, 0];
  let count = 0;
  colours.forEach((colour, i) => {
    if (labels[i] !== cluster) return;
    count++;
    for (let channel = 0; channel < 3; channel++) sum[channel] += colour[channel];
  });
  return count ? sum.map((value) => value / count) : null;
}

/** The name of a colour that lies `difference` in Lab from the skin around it. */
export function nameColour(difference) {
  return Object.keys(COLOURS).reduce((best, name) => (squared(difference, COLOURS[name]) < squared(difference, COLOURS[best]) ? name : best));
}

function dominant(shares) {
  const totals = SHADES.map((shade) => shade.reduce((sum, name) => sum + (shares.get(name) ?? 0), 0));
  const [most, second] = [...totals].sort((one, other) => other - one);
  if (!shares.size) return null;
  if (most < COMBINED_BELOW && second >= LEAST_COMBINED) return COMBINATION;
  return SHADES[totals.indexOf(most)].filter((name) => shares.has(name)).reduce((best, name) => (shares.get(name) > shares.get(best) ? name : best));
}
