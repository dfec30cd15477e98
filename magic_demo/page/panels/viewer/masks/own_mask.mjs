// The reader's mask of one photo. What was done to it is handed out as differences, in run lengths, by which it is undone and redone.
// No DOM in here: node tests it.

import { difference, fromRuns, toRuns, turnOver, union } from "./runs.mjs";

export class OwnMask {
  /** `runs`: what was saved, or null where the reader has not outlined this photo. */
  constructor(width, height, runs = null) {
    this.width = width;
    this.height = height;
    const saved = runs && fromRuns(runs, width * height);
    this.data = saved || new Uint8Array(width * height);
    this.exists = Boolean(runs); // an empty mask says "no lesion here", none says nothing; see commit
    this.before = this.data.slice(); // the mask as it was at the last commit
    this.area = saved ? runs.reduce((sum, run, i) => sum + (i % 2 ? run : 0), 0) : 0; // its pixels of lesion
    this.touched = null; // the rectangle that may differ from it
    this.edits = 0;
  }

  get whole() {
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  /** Say that pixels in `rect` may have been written. */
  touch(rect) {
    this.touched = union(this.touched, rect);
  }

  /** Put a whole mask in place, as one edit; `exists` as for commit. */
  replace(mask, exists) {
    this.data.set(mask);
    this.touch(this.whole);
    return this.commit(exists);
  }

  /**
   * End an edit. Returns its patch {rect, runs, turned}, by which ``turn`` undoes and redoes it, or null where nothing changed.
   * exists: said by a decision alone, to clear the photo or to take what was saved. Of any other edit what is left decides: a mask without a
   * pixel is none, as if never drawn, and never "no lesion here".
   */
  commit(exists = null) {
    const rect = this.touched ?? { left: 0, top: 0, right: 0, bottom: 0 };
    const runs = this.touched ? difference(this.before, this.data, this.width, rect) : new Uint32Array(0);
    this.touched = null;
    const changed = runs.length > 1;
    if (changed) this.area += turnOver(this.before, this.width, rect, runs); // now it is the mask as it is
    const stands = exists ?? (changed ? this.area > 0 : this.exists);
    const turned = stands !== this.exists;
    if (!changed && !turned) return null;
    this.exists = stands;
    this.edits++;
    return { rect, runs, turned };
  }

  /** Throw away what was drawn since the last commit; returns the rectangle to draw again. */
  drop() {
    const rect = this.touched;
    if (rect) copy(this.before, this.data, this.width, rect);
    this.touched = null;
    return rect;
  }

  /** Undo the last edit that is done, or redo the first that is not, by its patch; what was drawn since the last commit is dropped. */
  turn(patch) {
    this.drop();
    turnOver(this.data, this.width, patch.rect, patch.runs);
    this.area += turnOver(this.before, this.width, patch.rect, patch.runs);
    if (patch.turned) this.exists = !this.exists;
    this.edits++;
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
