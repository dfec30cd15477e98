// The reader's own masks of the open case: where every edit goes through, whatever tool it comes from.

import { OWN } from "./layer_looks.mjs";
import { MaskLayer } from "./mask_layer.mjs";
import { fillHoles, grow, shrink, smooth, step } from "./morphology.mjs";
import { OwnMask } from "./own_mask.mjs";
import { bounds, fromRuns } from "./runs.mjs";

const CHANGES = {
  holes: (mask, width, height) => fillHoles(mask, width, height),
  smooth: (mask, width, height) => smooth(mask, width, height, step(width, height)),
  grow: (mask, width, height) => grow(mask, width, height, step(width, height)),
  shrink: (mask, width, height) => shrink(mask, width, height, step(width, height)),
};

export class Editor {
  /**
   * photo(): the photo shown. modelMask(): the model's mask of it as it is shown, null where none is.
   * part(rect): a stroke has changed these pixels; redraw(): anything may have. changed(photo): an edit is over.
   */
  constructor({ photo, modelMask, part, redraw, changed }) {
    Object.assign(this, { photo, modelMask, part, redraw, changed });
    this.entries = new Map(); // photo id -> {own, layer}
    this.busy = false; // a stroke is being drawn
  }

  /** Take the masks that were saved. `replace`: also where the reader has drawn since. */
  restore(photos, saved, replace) {
    for (const one of photos) {
      const runs = fits(saved?.[one.name], one) ? saved[one.name].runs : null;
      const entry = this.entries.get(one.name);
      if (!entry && runs) this.#open(one, runs);
      else if (entry && replace) {
        entry.own.drop();
        entry.own.data.set((runs && fromRuns(runs, entry.own.data.length)) || new Uint8Array(entry.own.data.length));
        entry.own.touch(entry.own.whole);
        const rect = entry.own.commit(Boolean(runs));
        if (rect) entry.layer?.touch(rect);
      }
    }
  }

  forget() {
    this.entries.clear();
    this.busy = false;
  }

  #open(one, runs = null) {
    const entry = { own: new OwnMask(one.width, one.height, runs), layer: null };
    this.entries.set(one.name, entry);
    return entry;
  }

  #entry(one = this.photo()) {
    return this.entries.get(one.name) ?? this.#open(one);
  }

  /** The reader's mask of a photo as it is drawn, null where there is none. */
  layerOf(one) {
    const entry = this.entries.get(one.name);
    if (!entry || !(entry.own.exists || this.busy)) return null;
    return this.#layer(entry);
  }

  #layer(entry) {
    entry.layer ??= new MaskLayer(entry.own.data, entry.own.width, entry.own.height, OWN.rgb);
    return entry.layer;
  }

  own(one = this.photo()) {
    return one ? (this.entries.get(one.name)?.own ?? null) : null;
  }

  /** Begin an edit. Where the reader has no mask yet, it begins with the model's as it is shown: what is seen is what is corrected. */
  begin() {
    const entry = this.#entry();
    this.busy = true;
    entry.own.drop();
    const model = entry.own.exists ? null : this.modelMask();
    if (model) {
      entry.own.data.set(model);
      const rect = bounds(model, entry.own.width, entry.own.height); // there was nothing before
      if (rect) {
        entry.own.touch(rect);
        entry.layer?.touch(rect);
      }
      this.redraw();
    }
    this.#layer(entry);
    return entry;
  }

  /** Write pixels: `write(data, width, height)` returns the rectangle it may have changed, or null. */
  write(write) {
    const { own, layer } = this.#entry();
    const rect = write(own.data, own.width, own.height);
    if (!rect) return;
    own.touch(rect);
    layer.touch(rect);
    this.part(rect);
  }

  commit() {
    const { own } = this.#entry();
    this.busy = false;
    const rect = own.commit();
    if (rect) this.changed(this.photo());
    else this.redraw();
    return Boolean(rect);
  }

  /** Give up what was begun. */
  drop() {
    const { own, layer } = this.#entry();
    this.busy = false;
    const rect = own.drop();
    if (rect) layer.touch(rect);
    this.redraw();
  }

  /** One of holes, smooth, grow, shrink, take, clear. */
  change(name) {
    if (!this.photo() || this.busy) return;
    const model = this.modelMask({ hidden: true });
    if (name === "take" && !model) return;
    const { own, layer } = this.begin();
    const next = name === "take" ? model : name === "clear" ? new Uint8Array(own.data.length) : CHANGES[name](own.data, own.width, own.height);
    own.data.set(next);
    own.touch(own.whole);
    layer.touch(own.whole);
    this.commit();
  }

  undo() {
    this.#travel("undo");
  }

  redo() {
    this.#travel("redo");
  }

  #travel(way) {
    const entry = this.photo() && this.entries.get(this.photo().name);
    if (!entry || this.busy) return;
    const rect = entry.own[way]();
    if (!rect) return;
    entry.layer?.touch(rect);
    this.changed(this.photo());
  }

  /** Let `mask` (over the whole photo) be the mask, in place of the last edit where `again` says so: it refines that one. */
  put(make, again) {
    const entry = this.#entry();
    if (again && entry.own.past.length) {
      const rect = entry.own.retract();
      if (rect) entry.layer?.touch(rect);
    }
    this.begin();
    this.write(make);
    return this.commit();
  }
}

function fits(saved, one) {
  return saved && saved.width === one.width && saved.height === one.height;
}

