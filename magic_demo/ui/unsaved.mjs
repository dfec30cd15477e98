// What the reader has changed and the server has not said to have saved: kept in this tab, by case, until it has. No DOM in here: node tests it.

const NAME = "magic-demo-unsaved";

export class Unsaved {
  /** storage: like sessionStorage; what an earlier life of this tab left there is found again, once a case. */
  constructor(storage) {
    this.storage = storage;
    this.left = this.#read();
    this.key = null;
    this.now = { case: null, parts: {} };
    this.counts = new Map(); // case -> changes sent
  }

  /** A case of a queue is open under this secret id. Returns the parts that an earlier life of the tab left unsaved of it, or null. */
  open({ queue, id, reader, case: caseId }) {
    this.key = JSON.stringify([queue, id, reader]);
    this.now = { case: caseId, parts: {} };
    const parts = this.left[this.key] ?? null;
    delete this.left[this.key];
    this.#write(parts); // until they are saved
    return parts;
  }

  /** No case of a queue is open any more. */
  close() {
    this.key = null;
    this.now = { case: null, parts: {} };
  }

  /** A part of a case was sent; of the queue's open one it is kept, and a later change of the same part takes its place. */
  note(caseId, part, told) {
    this.counts.set(caseId, this.sent(caseId) + 1);
    if (caseId !== this.now.case || this.key === null) return;
    this.now.parts[part] = told;
    this.#write(this.now.parts);
  }

  /** The server has saved the open case after hearing so many changes of it. */
  confirm(caseId, heard) {
    if (caseId !== this.now.case || this.key === null || heard < this.sent(caseId)) return;
    this.now.parts = {};
    this.#write(null);
  }

  /** How many changes of a case were sent. */
  sent(caseId) {
    return this.counts.get(caseId) ?? 0;
  }

  get pending() {
    return Object.keys(this.now.parts).length > 0;
  }

  #read() {
    try {
      return JSON.parse(this.storage.getItem(NAME)) ?? {};
    } catch {
      return {};
    }
  }

  #write(parts) {
    const kept = { ...this.left, ...(parts ? { [this.key]: parts } : {}) };
    try {
      if (Object.keys(kept).length) this.storage.setItem(NAME, JSON.stringify(kept));
      else this.storage.removeItem(NAME);
    } catch {
      // a browser that keeps nothing: the page asks before it is left
    }
  }
}
