// Tells the page of a mask once it has rested, and at once when the reader goes elsewhere. No DOM in here: node tests it.

export class Outbox {
  /** send(entry): hands it over. rest: milliseconds without a change. */
  constructor(send, rest) {
    this.send = send;
    this.rest = rest;
    this.waiting = new Map(); // what -> how to write it, when the time has come
    this.timer = null;
  }

  /** Something has changed: `write()` is asked for it when it is sent. */
  note(what, write) {
    this.waiting.set(what, write);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), this.rest);
  }

  flush() {
    clearTimeout(this.timer);
    const ready = [...this.waiting.values()];
    this.waiting.clear();
    for (const write of ready) this.send(write());
  }
}
