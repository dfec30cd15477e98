// The reader's own masks of the open case: where every edit goes through, whatever tool it comes from. An outline is written only by a
// decision: an edit that changes no pixel of what is seen is none, and what leaves no pixel takes the outline back; only Clear says "no lesion".

import { OWN } from "../canvas/layer_looks.mjs";
import { keyOf } from "../masks/outline_names.mjs";
import { MaskLayer } from "../masks/mask_layer.mjs";
import { fillHoles, grow, shrink, smooth, step } from "../masks/morphology.mjs";
import { OwnMask } from "../masks/own_mask.mjs";
import { islandAt } from "../masks/islands.mjs";
import { bounds, fromRuns, toRuns, union } from "../masks/runs.mjs";

const CHANGES = {
  holes: (mask, width, height) => fillHoles(mask, width, height),
  smooth: (mask, width, height) => smooth(mask, width, height, step(width, height)),
  grow: (mask, width, height) => grow(mask, width, height, step(width, height)),
  shrink: (mask, width, height) => shrink(mask, width, height, step(width, height)),
};

export class Editor {
  /**
   * photo(): the photo shown. modelMask(): the model's mask of it as it is shown, null where none is. journal: where edits are written
   * down for undo, of the open case `openId()`; reach(photo): shows a photo of which one is undone or redone.
   * label: {id, look} of what is outlined. part(rect): a stroke has changed these pixels; redraw(): anything may have. changed(photo): an edit is over. say(word): it came to nothing.
   */
  constructor({ label = { id: "" }, photo, modelMask, journal, openId, reach, part, redraw, changed, say }) {
    Object.assign(this, { label, photo, modelMask, journal, openId, reach, part, redraw, changed, say });
    this.model = null; // what an edit has begun with, where it was the model's
    this.written = null; // the rectangle that an edit may have changed
    this.entries = new Map(); // photo id -> {own, layer, marks: what the outline was clicked from, see point_session.mjs}
    this.busy = false; // a stroke is being drawn
  }

  /** Itself: the editor that a tool draws with, of the one label that there is; see editors.mjs. */
  get hand() {
    return this;
  }

  /** Take the masks that were saved: name (`keyOf`) -> {width, height, runs, clicks}. `replace`: also where the reader has drawn since. */
  restore(photos, saved, replace) {
    for (const one of photos) {
      const mask = saved?.[keyOf(one.name, this.label.id)];
      const kept = fits(mask, one) ? mask : null;
      if (!this.entries.has(one.name) && kept) this.#open(one, kept);
      else if (this.entries.has(one.name) && replace) this.take(one, kept);
    }
  }

  /** Let what was saved be a photo's mask, null for none, as one more edit. */
  take(one, kept) {
    if (!kept && !this.entries.has(one.name)) return;
    const entry = this.#entry(one);
    entry.own.drop();
    entry.own.data.set((kept && fromRuns(kept.runs, entry.own.data.length)) || new Uint8Array(entry.own.data.length));
    entry.own.touch(entry.own.whole);
    this.#note(one, entry, entry.own.commit(Boolean(kept)), kept?.clicks ?? []);
  }

  forget() {
    this.entries.clear();
    this.busy = false;
  }

  #open(one, kept = null) {
    const entry = { own: new OwnMask(one.width, one.height, kept?.runs), layer: null, marks: kept?.clicks ?? [] };
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
    entry.layer ??= new MaskLayer(entry.own.data, entry.own.width, entry.own.height, (this.label.look ?? OWN).rgb);
    return entry.layer;
  }

  own(one = this.photo()) {
    return one ? (this.entries.get(one.name)?.own ?? null) : null;
  }

  /** Begin an edit. Where the reader has no mask yet, it begins with the model's as it is shown: what is seen is what is corrected. */
  begin() {
    const entry = this.#entry();
    this.busy = true;
    this.written = null;
    entry.own.drop();
    const model = (this.model = entry.own.exists ? null : this.modelMask());
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
    if (!this.busy) return; // a stroke that began on a case which has gone since
    const { own, layer } = this.#entry();
    const rect = write(own.data, own.width, own.height);
    if (!rect) return;
    own.touch(rect);
    layer.touch(rect);
    this.written = union(this.written, rect);
    this.part(rect);
  }

  /** End an edit; returns whether there was one. asked: the result counts as the reader's also where it is the model's own; clear: by decision. */
  commit({ asked = false, clear = false } = {}) {
    if (!this.busy) return false;
    const entry = this.#entry();
    const { own, layer } = entry;
    this.busy = false;
    const begun = this.model;
    this.model = null;
    const same = begun && (!this.written || (!asked && equal(begun, own.data, own.width, this.written)));
    const before = own.area > 0 || Boolean(begun && !same);
    const left = same ? own.drop() : null;
    const patch = same ? null : own.commit(clear || null);
    if (left) layer.touch(left);
    this.#note(this.photo(), entry, patch);
    if (patch) this.changed(this.photo());
    else this.redraw();
    if (!own.area && !own.exists && before) this.say("edit-gone");
    else if (!patch) this.say("edit-none");
    return Boolean(patch);
  }

  /** Give up what was begun. */
  drop() {
    if (!this.busy) return;
    const { own, layer } = this.#entry();
    this.busy = false;
    this.model = null;
    const rect = own.drop();
    if (rect) layer.touch(rect);
    this.redraw();
  }

  /** One of holes, smooth, grow, shrink, take, clear. */
  change(name) {
    if (!this.photo() || this.busy) return;
    const model = this.modelMask({ hidden: true });
    if (name === "take" && !model) return;
    if (name === "take" && !model.includes(1)) {
      this.say("take-nothing");
      return;
    }
    const { own, layer } = this.begin();
    const next = name === "take" ? model : name === "clear" ? new Uint8Array(own.data.length) : CHANGES[name](own.data, own.width, own.height);
    own.data.set(next);
    own.touch(own.whole);
    layer.touch(own.whole);
    this.written = own.whole;
    this.commit({ asked: name === "take" || name === "clear", clear: name === "clear" });
  }

  /** Write an edit down, where it changed something. marks: what the outline is clicked from now; without an outline nothing. */
  #note(one, entry, patch, marks = entry.marks) {
    if (!patch) return;
    entry.layer?.touch(patch.rect);
    const [before, after] = [entry.marks, entry.own.area ? marks : []];
    entry.marks = after;
    const turn = (put) => () => {
      if (this.entries.get(one.name) !== entry) return false; // another case
      entry.own.turn(patch);
      entry.marks = put;
      entry.layer?.touch(patch.rect);
      this.reach(one);
      this.changed(one);
    };
    this.journal.push(this.openId(), { undo: turn(before), redo: turn(after) });
  }

  /** Take away the island of the outline at a point of the photo, or all but it. near: how far from the point it may lie. */
  pick(kind, point, near) {
    if (!this.photo() || this.busy) return;
    const { own, layer } = this.begin();
    const { data, width, height } = own;
    const island = islandAt(data, width, height, point, near);
    if (!island) {
      this.drop();
      this.say("island-none", point);
      return;
    }
    if (kind === "keep") data.set(island);
    else for (let i = 0; i < data.length; i++) data[i] &= 1 - island[i];
    own.touch(own.whole);
    layer.touch(own.whole);
    this.written = own.whole;
    this.commit({ asked: true });
  }

  /** runs(): of the outline of a photo, null where there is none; marks: what it was clicked from; edits: counts its changes. */
  state(one) {
    const entry = this.entries.get(one.name);
    return { runs: () => entry?.own.toRuns() ?? null, marks: entry?.marks ?? [], edits: entry?.own.edits ?? 0 };
  }

  /** Run lengths of the outline that a correction begins with: the reader's, or the model's as it is shown; null where there is none. */
  shownRuns() {
    const own = this.own();
    if (own?.exists) return own.toRuns();
    const model = this.modelMask();
    return model?.includes(1) ? toRuns(model) : null;
  }

  /** Let run lengths be a photo's outline, null for none, and say what it was clicked from; whoever calls writes it down for undo. */
  place(one, runs, marks) {
    const entry = this.#entry(one);
    entry.own.drop();
    const patch = entry.own.replace((runs && fromRuns(runs, entry.own.data.length)) || new Uint8Array(entry.own.data.length), Boolean(runs));
    const [before, after] = [entry.marks, runs ? marks : []];
    entry.marks = after;
    if (!patch && JSON.stringify(before) === JSON.stringify(after)) return; // a click that moves no pixel was made all the same
    if (patch) entry.layer?.touch(patch.rect);
    this.changed(one);
  }
}

function equal(one, other, width, rect) {
  for (let y = rect.top; y < rect.bottom; y++) {
    for (let i = y * width + rect.left, end = y * width + rect.right; i < end; i++) if (one[i] !== other[i]) return false;
  }
  return true;
}

function fits(saved, one) {
  return saved && saved.width === one.width && saved.height === one.height;
}

