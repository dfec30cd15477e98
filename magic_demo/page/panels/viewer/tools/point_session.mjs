// The points and the box of one correction: its states one after another, so that undo goes point by point. A state that has its outline is put
// back as it was; of one that has none yet the server is asked. No DOM in here: node tests it.

/**
 * points: [{x, y, lesion}] in photo pixels, box: [left, top, right, bottom] or null. from: the outline that they change, null for none; runs: the
 * outline that comes of it, undefined before the answer, null for none. before: the state before, step: the journal's.
 */
function stateOf(points, box, { from = null, runs = undefined, before = null } = {}) {
  return { points, box, from, runs, before, step: null };
}

export class PointSession {
  /**
   * photo: what is corrected. before: run lengths of the outline that the points change, null where there is none.
   * does: {journal, openId, own(photo): {runs(), marks, edits} of the reader's outline, place(photo, runs, marks), show(session): false where its photo
   * has gone, ask(session)}.
   */
  constructor(photo, before, does) {
    this.photo = photo;
    this.before = before;
    this.does = does;
    const { runs, marks, edits } = does.own(photo);
    this.marks = marks; // of earlier corrections
    this.edits = edits; // of the photo, as this session has left them
    this.state = stateOf([], null, { runs: runs() });
  }

  get count() {
    return this.state.points.length + (this.state.box ? 1 : 0);
  }

  add(point) {
    this.#change([...this.state.points, point], this.state.box, this.state.before ? (this.state.runs ?? this.before) : this.before);
  }

  move(number, { x, y }) {
    this.#change(this.state.points.map((one, i) => (i === number ? { ...one, x, y } : one)), this.state.box);
  }

  remove(number) {
    this.#change(this.state.points.filter((_, i) => i !== number), this.state.box);
  }

  setBox(box) {
    this.#change(this.state.points, box);
  }

  /** What the server is asked of the state as it is: the marks in the order in which they were set, as shares of the photo. */
  get shown() {
    return marksOf(this.state, this.photo);
  }

  /** Take the answer to `state`: run lengths. Returns whether it is the outline now. */
  answer(state, runs) {
    if (this.overtaken) return false;
    state.step.cleared = null;
    state.runs = runs.length > 1 ? runs : null; // what leaves no pixel takes the outline back
    if (state !== this.state) return false;
    this.#place();
    return true;
  }

  /** Nothing came of `state`: what was asked for with it is taken away again. */
  refuse(state) {
    if (state === this.state) this.#back();
    else state.runs ??= state.before.runs; // what was set since stands on it
  }

  /** Whether another edit of the photo came after the last of this session. */
  get overtaken() {
    return this.does.own(this.photo).edits !== this.edits;
  }

  /** Give up what has no answer. */
  close() {
    while (this.state.runs === undefined) this.#back();
  }

  #back() {
    this.does.journal.retract(this.state.step);
    this.state = this.state.before;
  }

  // What was set before may have gone or moved: then the outline is made anew from the one that the correction began with.
  #change(points, box, from = this.before) {
    const before = this.state;
    const empty = !points.length && !box;
    const after = stateOf(points, box, { from, before, runs: empty ? this.#first().runs : undefined });
    this.state = after;
    after.step = this.does.journal.push(this.does.openId(), { undo: () => this.#go(before), redo: () => this.#go(after), open: true });
    if (empty) this.#place();
    else this.does.ask(this);
  }

  #first() {
    let state = this.state;
    while (state.before) state = state.before;
    return state;
  }

  #go(state) {
    if (!this.does.show(this)) return false;
    this.edits = this.does.own(this.photo).edits; // undo goes back edit by edit: the outline is this session's again
    this.state = state;
    if (state.runs === undefined) this.does.ask(this);
    else this.#place();
  }

  #place() {
    this.does.place(this.photo, this.state.runs, [...this.marks, ...this.shown]);
    this.edits = this.does.own(this.photo).edits;
  }
}

/** Marks as they are sent and kept: [kind, ...numbers], numbers being shares of the photo's width and height. */
function marksOf({ points, box }, { width, height }) {
  const share = (value, size) => Math.round((1e5 * Math.min(size, Math.max(0, value))) / size) / 1e5;
  return [
    ...(box ? [["box", share(box[0], width), share(box[1], height), share(box[2], width), share(box[3], height)]] : []),
    ...points.map(({ x, y, lesion }) => [lesion ? "lesion" : "skin", share(x, width), share(y, height)]),
  ];
}
