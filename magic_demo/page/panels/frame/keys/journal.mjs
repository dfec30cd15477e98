// What the reader has done to the open case, in the order in which it was done: cards, outlines, covers and the bar all write here, so that
// undo takes back the last thing, wherever it was done. Nothing is saved here: what a step puts back is told to the server as any change is.
// No DOM in here: node tests it.

export class Journal {
  constructor() {
    this.case = null;
    this.past = [];
    this.future = [];
    this.followers = [];
    this.guards = [];
    this.travelling = false;
    this.group = null;
  }

  /** Call `follower` whenever what can be undone or redone may have changed. */
  follow(follower) {
    this.followers.push(follower);
  }

  /** Nothing is undone while `busy()` says so, such as in the middle of a stroke. */
  guard(busy) {
    this.guards.push(busy);
  }

  /** The page shows this case: another one begins with an empty history, so that undo stops at what it was opened with. */
  open(openId) {
    if (openId === this.case) return;
    Object.assign(this, { case: openId, past: [], future: [], group: null });
    this.#tell();
  }

  /**
   * Write down what was just done to a case. step: {undo(), redo(), open?}; one that returns false has nothing to do any more and is passed over.
   * `open`: it may come to nothing and be retracted; what could be redone before it can then be redone again.
   * Returns the step; what comes of a case that is no longer open, or while a step is taken, is not written down.
   */
  push(openId, step) {
    if (this.travelling || openId === null || openId !== this.case) return step;
    if (step.open) step.cleared = this.future;
    this.future = [];
    if (this.group) this.group.push(step);
    else this.past.push(step);
    this.#tell();
    return step;
  }

  /** Let everything that `act` writes down be one step. */
  together(act) {
    if (this.group) return act();
    this.group = [];
    try {
      return act();
    } finally {
      const steps = this.group ?? [];
      this.group = null;
      if (steps.length) this.push(this.case, joined(steps));
    }
  }

  undo() {
    return this.#travel("undo", this.past, this.future);
  }

  redo() {
    return this.#travel("redo", this.future, this.past);
  }

  /** Forget a step as if it had never been made; false where it is not the past's. */
  retract(step) {
    const index = this.past.lastIndexOf(step);
    if (index < 0) return false;
    this.past.splice(index, 1);
    if (index === this.past.length && !this.future.length) this.future = step.cleared ?? [];
    this.#tell();
    return true;
  }

  /** Forget every step that `gone` holds for: it can be taken back no more. */
  forget(gone) {
    this.past = this.past.filter((step) => !gone(step));
    this.future = this.future.filter((step) => !gone(step));
    this.#tell();
  }

  /** Return whether a step was taken. */
  #travel(way, from, to) {
    if (this.travelling || this.guards.some((busy) => busy())) return false;
    this.travelling = true;
    try {
      while (from.length) {
        const step = from.pop();
        if (step[way]() === false) continue;
        to.push(step);
        return true;
      }
      return false;
    } finally {
      this.travelling = false;
      this.#tell();
    }
  }

  #tell() {
    for (const follower of this.followers) follower();
  }
}

function joined(steps) {
  const all = (order, way) => () => order.map((step) => step[way]()).some((did) => did !== false);
  return { undo: all([...steps].reverse(), "undo"), redo: all(steps, "redo") };
}

/** The page's own. */
export const journal = new Journal();
