// The reader's mask of one photo, with everything that was done to it. What was done is kept as differences, in run lengths.
// No DOM in here: node tests it.

import { bounds, difference, fromRuns, toRuns, turnOver } from "./runs.mjs";

export class OwnMask {
  /** `runs`: what was saved, or null where the reader has not outlined this photo. */
  constructor(width, height, runs = null) {
    this.width = width;
    this.height = height;
    this.data = (runs && fromRuns(runs, width * height)) || new Uint8Array(width * height);
    this.exists = Boolean(runs); // an empty mask says "no lesion here", none says nothing
    this.before = this.data.slice(); // the mask as it was at the last commit
    this.touched = null; // the rectangle that may differ from it
    this.past = [];
    this.future = [];
    this.edits = 0;
  }

  get whole() {
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  /** Say that pixels in `rect` may have been written. */
  touch(rect) {
    if (rect) this.touched = this.touched ? union(this.touched, rect) : { ...rect };
  }

  /** Put a whole mask in place, as one edit. */
  replace(mask) {
    this.data.set(mask);
    this.touch(this.whole);
    return this.commit();
  }

  /** End an edit: from here it can be undone. Returns the rectangle that changed, or null where nothing did. */
  commit(exists = true) {
    const patch = this.#patch(exists);
    this.touched = null;
    if (!patch) return null;
    this.past.push(patch);
    this.future = [];
    this.exists = exists;
    this.edits++;
    return patch.rect;
  }

  #patch(exists) {
    const turned = exists !== this.exists;
    if (!this.touched) return turned ? { rect: { left: 0, top: 0, right: 0, bottom: 0 }, runs: new Uint32Array(0), turned } : null;
    const runs = difference(this.before, this.data, this.width, this.touched);
    if (runs.length < 2 && !turned) return null;
    const rect = this.touched;
    copy(this.data, this.before, this.width, rect);
    return { rect, runs, turned };
  }

  /** Throw away what was drawn since the last commit; returns the rectangle to draw again. */
  drop() {
    const rect = this.touched;
    if (rect) copy(this.before, this.data, this.width, rect);
    this.touched = null;
    return rect;
  }

  undo() {
    return this.#step(this.past, this.future);
  }

  redo() {
    return this.#step(this.future, this.past);
  }

  #step(from, to) {
    this.drop();
    const patch = from.pop();
    if (!patch) return null;
    for (const mask of [this.data, this.before]) turnOver(mask, this.width, patch.rect, patch.runs);
    if (patch.turned) this.exists = !this.exists;
    to.push(patch);
    this.edits++;
    return patch.rect;
  }

  /** Forget the last edit as if it had never been made: it can be undone no more, nor redone. */
  retract() {
    const rect = this.undo();
    this.future.pop();
    return rect;
  }

  toRuns() {
    return this.exists ? toRuns(this.before) : null;
  }

  bounds() {
    return bounds(this.data, this.width, this.height);
  }
}

export function union(one, other) {
  return {
    left: Math.min(one.left, other.left),
    top: Math.min(one.top, other.top),
    right: Math.max(one.right, other.right),
    bottom: Math.max(one.bottom, other.bottom),
  };
}

function copy(from, to, width, rect) {
  for (let y = rect.top; y < rect.bottom; y++) {
    to.set(from.subarray(y * width + rect.left, y * width + rect.right), y * width + rect.left);
  }
}
