// Whether this browser gives back the pixels that a page has drawn. Privacy protection may not: Firefox answers with white or noise, Brave turns
// single bits over. A mask or a colour that is made of such pixels would be false, and nobody would see it.

const SIDE = 64; // large enough that noise on a few hundred values of any canvas hits one

/** Draw a known pattern, another one for each `seed`, and tell whether it is read back as it was drawn. */
export function readsBack(seed) {
  const context = new OffscreenCanvas(SIDE, SIDE).getContext("2d", { willReadFrequently: true });
  const drawn = context.createImageData(SIDE, SIDE);
  drawn.data.set(pattern(drawn.data.length, seed));
  context.putImageData(drawn, 0, 0);
  try {
    const read = context.getImageData(0, 0, SIDE, SIDE).data;
    return pattern(read.length, seed).every((value, i) => value === read[i]); // what was handed over may have been changed as well
  } catch {
    return false; // some extensions refuse
  }
}

function pattern(length, seed) {
  let state = (seed + 1) * 2654435761;
  return Uint8ClampedArray.from({ length }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return i % 4 === 3 ? 255 : state >>> 24; // opaque: what is not is rounded on its way
  });
}
