// What a mask and its photo say, with the definitions of magic_demo/measure.py, which tells where they come from: number of lesions, the
// colour that prevails, the tone of the skin around. Both are tested on the same small photos. No DOM in here: node tests it.

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
  COLOURS: {
    "normal skin color": [0, 0, 0],
    pink: [-3, 6, -1],
    red: [-9, 11, -1],
    brown: [-19, 5, 3],
    blue: [-16, -5, -10],
    purple: [-15, 8, -8],
    black: [-36, -2, -5],
    white: [19, -4, -5],
    hyperpigmentation: [-9, 2, 2],
    hypopigmentation: [9, -2, -3],
  },
  SHADES: [["normal skin color"], ["pink", "red"], ["brown", "hyperpigmentation", "black"], ["blue"], ["purple"], ["white", "hypopigmentation"]],
  TONES: [[55, "very light"], [41, "light"], [28, "intermediate"], [10, "tan"], [-30, "brown"], [-1e9, "dark"]],
};
const { SPECK_OF_PHOTO, SPECK_OF_LARGEST, BORDER_BAND, RING, MOST_SAMPLES, CLUSTERS, LEAST_CLUSTER, COMBINED_BELOW, COLOURS, SHADES, TONES } = DEFINITIONS;
export const COMBINATION = "combination";

/**
 * pixels: {data (RGBA bytes), width, height}, at the size it is measured at; mask: {data (0 and 1), width, height}, that size or larger.
 * Returns {count, areaShare, colour: name | null, tone: {angle, group} | null}.
 */
export function measurePhoto(pixels, mask) {
  const { width, height } = pixels;
  const { kept, count } = keepParts(shrinkMask(mask, width, height), width, height);
  if (!count) return { count, areaShare: 0, colour: null, tone: toneOf(pixels, () => true) };
  const diagonal = Math.hypot(width, height);
  const outside = distances(kept, width, height, 1);
  const inside = distances(kept, width, height, 0);
  const band = Math.max(2, BORDER_BAND * diagonal);
  const reach = Math.max(6, RING * diagonal);
  let around = (i) => outside[i] > band && outside[i] <= reach;
  let ring = 0;
  let skinLeft = false;
  let deepest = 0;
  let area = 0;
  for (let i = 0; i < kept.length; i++) {
    if (around(i)) ring++;
    if (outside[i] > 0) skinLeft = true;
    if (inside[i] > deepest) deepest = inside[i];
    area += kept[i];
  }
  if (ring < 64) around = (i) => outside[i] > 0;
  const areaShare = area / kept.length;
  if (!skinLeft) return { count, areaShare, colour: null, tone: null };
  const skin = medianColour(sample(pixels, around));
  const core = Math.min(band, 0.5 * deepest);
  const lesion = sample(pixels, (i) => kept[i] && inside[i] > core);
  return { count, areaShare, colour: dominant(nameColours(lesion, skin)), tone: toneOf(pixels, around) };
}

/** A mask at a smaller size: a pixel is lesion where at least half of what it covers is. */
function shrinkMask(mask, width, height) {
  if (mask.width === width && mask.height === height) return mask.data;
  const small = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const top = Math.floor((y * mask.height) / height);
    const bottom = Math.max(top + 1, Math.round(((y + 1) * mask.height) / height));
    for (let x = 0; x < width; x++) {
      const left = Math.floor((x * mask.width) / width);
      const right = Math.max(left + 1, Math.round(((x + 1) * mask.width) / width));
      let sum = 0;
      for (let row = top; row < bottom; row++) for (let i = row * mask.width + left; i < row * mask.width + right; i++) sum += mask.data[i];
      small[y * width + x] = 2 * sum >= (bottom - top) * (right - left) ? 1 : 0;
    }
  }
  return small;
}

/** The mask without specks, and how many parts are left; parts touch along sides and corners. */
function keepParts(mask, width, height) {
  const labels = new Int32Array(mask.length);
  const areas = [0];
  const waiting = [];
  for (let seed = 0; seed < mask.length; seed++) {
    if (!mask[seed] || labels[seed]) continue;
    const label = areas.length;
    areas.push(0);
    labels[seed] = label;
    waiting.push(seed);
    while (waiting.length) {
      const i = waiting.pop();
      areas[label]++;
      const x = i % width;
      const y = (i - x) / width;
      for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
        for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
          const near = row * width + column;
          if (mask[near] && !labels[near]) {
            labels[near] = label;
            waiting.push(near);
          }
        }
      }
    }
  }
  const least = Math.max(4, SPECK_OF_PHOTO * mask.length, SPECK_OF_LARGEST * Math.max(...areas));
  const stays = areas.map((area) => area >= least);
  return { kept: Uint8Array.from(labels, (label) => (stays[label] ? 1 : 0)), count: stays.filter(Boolean).length };
}

// How far each pixel is from the nearest one of `value`, by the two-pass chamfer that OpenCV's 3 x 3 mask stands for.
function distances(mask, width, height, value) {
  const [straight, across] = [0.955, 1.3693];
  const far = new Float32Array((width + 2) * (height + 2)).fill(1e6); // with a rim, so that no neighbour is missing
  const stride = width + 2;
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (mask[y * width + x] === value) far[(y + 1) * stride + x + 1] = 0;
  for (let y = 1; y <= height; y++) {
    for (let i = y * stride + 1; i <= y * stride + width; i++) {
      far[i] = Math.min(far[i], far[i - 1] + straight, far[i - stride] + straight, far[i - stride - 1] + across, far[i - stride + 1] + across);
    }
  }
  for (let y = height; y >= 1; y--) {
    for (let i = y * stride + width; i > y * stride; i--) {
      far[i] = Math.min(far[i], far[i + 1] + straight, far[i + stride] + straight, far[i + stride + 1] + across, far[i + stride - 1] + across);
    }
  }
  const result = new Float32Array(mask.length);
  for (let y = 0; y < height; y++) result.set(far.subarray((y + 1) * stride + 1, (y + 1) * stride + 1 + width), y * width);
  return result;
}

// About MOST_SAMPLES colours of a region in Lab, spread evenly over it.
function sample(pixels, where) {
  const places = [];
  for (let i = 0; i < pixels.width * pixels.height; i++) if (where(i)) places.push(i);
  const step = Math.max(1, Math.floor(places.length / MOST_SAMPLES));
  const colours = [];
  for (let i = 0; i < places.length; i += step) colours.push(toLab(pixels.data, places[i] * 4));
  return colours;
}

/** CIE Lab (D65) of the sRGB colour at an index of RGBA bytes. */
export function toLab(data, at) {
  const [red, green, blue] = [data[at], data[at + 1], data[at + 2]].map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
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

function toneOf(pixels, where) {
  const [lightness, , yellow] = medianColour(sample(pixels, where));
  const angle = (Math.atan2(lightness - 50, Math.max(yellow, 1e-3)) * 180) / Math.PI;
  return { angle, group: TONES.find(([lowest]) => angle > lowest)[1] };
}

// Up to three clusters of the lesion's colours, begun by lightness, with the name of each: name -> share.
function nameColours(colours, skin) {
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
  const most = Math.max(...totals);
  if (!shares.size) return null;
  if (most < COMBINED_BELOW) return COMBINATION;
  return SHADES[totals.indexOf(most)].filter((name) => shares.has(name)).reduce((best, name) => (shares.get(name) > shares.get(best) ? name : best));
}
