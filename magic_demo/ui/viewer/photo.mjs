// One photo of the case as it comes from the server, made ready to draw. What has not changed since the value before is kept.

import { lookOf } from "./layer_looks.mjs";
import { levelsFromRgba } from "./levels.mjs";
import { MaskLayer } from "./mask_layer.mjs";
import { ModelLayer } from "./model_layer.mjs";
import { fromRuns } from "./runs.mjs";

/** {id, name, width, height, src, bitmap, model: ModelLayer | null, others: [{reader, outline(step)}]} */
export async function openPhoto(one, before, others) {
  const opened = before && before.src === one.src ? before : { ...one, bitmap: await decode(one.src), model: null, levelsSrc: null };
  if (one.levels !== opened.levelsSrc) {
    opened.levelsSrc = one.levels;
    opened.model = one.levels ? new ModelLayer(await readLevels(one.levels, one.width, one.height), one.width, one.height) : null;
  }
  opened.others = others.flatMap(({ reader, masks }, number) => {
    const saved = masks[one.name];
    const mask = saved && saved.width === one.width && saved.height === one.height ? fromRuns(saved.runs, one.width * one.height) : null;
    return mask ? [lazily(reader, mask, one, number)] : [];
  });
  return opened;
}

function lazily(reader, mask, { width, height }, number) {
  let layer = null;
  return {
    reader,
    outline: (step) => {
      layer ??= new MaskLayer(mask, width, height, lookOf(number).rgb);
      return layer.outline(step);
    },
  };
}

/** Return a canvas of a heat map of the photo, from the data address of its levels. */
export async function openHeat({ width, height }, address) {
  return new ModelLayer(await readLevels(address, width, height), width, height).heat();
}

async function decode(address) {
  const answer = await fetch(address);
  return createImageBitmap(await answer.blob(), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

async function readLevels(address, width, height) {
  const bitmap = await decode(address);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true }); // in memory: a graphics card may round the levels
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return levelsFromRgba(context.getImageData(0, 0, width, height).data);
}
