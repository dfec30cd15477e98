// The reader's mask of one photo, with everything that was done to it. What was done is kept as differences, in run lengths.
// No DOM in here: node tests it.

import { difference, fromRuns, toRuns, turnOver, union } from "./runs.mjs";

export class OwnMask {
  /** `runs`: what was saved, or null where the reader has not outlined this photo. */
  constructor(width, height, runs = null) {
    this.width = width;
    this.height = height;
    const saved = runs && fromRuns(runs, width * height);
    this.data = saved || new Uint8Array(width * height);
    this.exists = Boolean(runs); // an empty mask says "no lesion here", none says nothing
    this.before = this.data.slice(); // the mask as it was at the last commit
    this.area = saved ? runs.reduce((sum, run, i) => sum + (i % 2 ? run : 0), 0) : 0; // its pixels of lesion
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
    this.touched = union(this.touched, rect);
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
    this.area += turnOver(this.before, this.width, rect, runs); // now it is the mask as it is
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
    turnOver(this.data, this.width, patch.rect, patch.runs);
    this.area += turnOver(this.before, this.width, patch.rect, patch.runs);
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
}

function copy(from, to, width, rect) {
  for (let y = rect.top; y < rect.bottom; y++) {
    to.set(from.subarray(y * width + rect.left, y * width + rect.right), y * width + rect.left);
  }
}
