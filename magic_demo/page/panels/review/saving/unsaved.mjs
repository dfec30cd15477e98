// What the reader has changed and the server has not said to have in the store: kept in this tab until it has. No DOM in here: node tests it.
//
// Every change says of which stored case it is, which review of it this tab has heard of last (`of`), what it changed (`touched`), and its place in
// this tab's own count (`turn`); see changes.py. The answer says which turns are in the store, and under which number; see in_step.py.

const NAME = "magic-demo-unsaved";
const WAITS = 5000; // milliseconds until a change that was not answered is sent again, twice as long each time
const LONGEST = 300_000;

const randomName = () => Array.from(globalThis.crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(36)).join("");

export class Unsaved {
  /** storage: like sessionStorage; what an earlier life of this tab left there is found again. tab: this life's name. */
  constructor(storage, tab = randomName()) {
    this.storage = storage;
    this.tab = tab;
    this.turn = 0;
    this.now = null; // the open case of a queue
    this.openCases = new Map(); // case -> {key, of}
    this.parts = this.#read(); // key -> {name: what was sent}
    for (const [key, parts] of Object.entries(this.parts)) for (const { case: openId, of } of Object.values(parts)) this.openCases.set(openId, { key, of: { ...of } });
    this.tried = new Set(); // turns of earlier lives that were put back
    this.sentAt = new Map(); // turn -> [when it was sent last, how long to wait for its answer]
    this.madeAt = new Map(); // turn -> when the first change that it holds was made
    this.counts = new Map(); // case -> changes sent
    this.conflicts = new Map(); // what both tabs changed -> {case, key, name, part, field, mine, theirs}
    this.seen = new Set();
  }

  /** A case of a queue is open under this secret id. Returns what an earlier life of the tab, or an earlier opening, left unsaved of it, or null. */
  open({ queue, id, reader, mode, case: openId, saved }) {
    const key = JSON.stringify([queue, id, reader]);
    this.openCases.set(openId, { key, of: { queue, id, reader, mode, base: saved?.number ?? 0 } });
    this.now = openId;
    if (saved) this.confirm({ ...saved, case: openId });
    const left = Object.values(this.parts[key] ?? {}).filter(({ turn, case: before }) => before !== openId && !this.tried.has(turn));
    for (const { turn } of left) this.tried.add(turn);
    return left.length ? left : null;
  }

  /** No case of a queue is open any more. */
  close() {
    this.now = null;
  }

  /** A case was deleted: nothing of it can be saved any more. */
  forget({ queue, id }) {
    for (const key of Object.keys(this.parts)) {
      const [where, which] = JSON.parse(key);
      if (where === queue && which === id) delete this.parts[key];
    }
    this.#write();
  }

  /** A part of a case is sent: it is told what the server needs to know, and kept until it is saved; a later change of the part takes its place. */
  note(openId, part, payload, when = Date.now()) {
    this.counts.set(openId, this.sent(openId) + 1);
    const opened = this.openCases.get(openId);
    if (!opened) return payload; // of no queue
    const parts = (this.parts[opened.key] ??= {});
    const name = `${part} ${this.tab}`;
    const before = parts[name]?.case === openId ? parts[name] : null;
    const base = before ? Math.min(before.of.base, opened.of.base) : opened.of.base; // what it changed before was based on that
    const touched = before?.touched && payload.touched ? [...new Set([...before.touched, ...payload.touched])] : payload.touched;
    Object.assign(payload, { part, turn: `${this.tab}.${++this.turn}`, of: { ...opened.of, base } }, touched ? { touched } : {});
    parts[name] = payload;
    this.sentAt.set(payload.turn, [when, WAITS]);
    this.madeAt.set(payload.turn, this.madeAt.get(before?.turn) ?? when);
    this.#write();
    return payload;
  }

  /** What the server says is in the store. Returns what came from elsewhere and is not being changed here, or null. */
  confirm({ case: openId, number = 0, stored = {}, merged, conflicts }) {
    const opened = this.openCases.get(openId);
    if (!opened) return null;
    const late = number < opened.of.base;
    opened.of.base = Math.max(opened.of.base, number);
    for (const conflict of conflicts ?? []) this.#hold(openId, opened.key, conflict);
    for (const [name, payload] of Object.entries(this.parts[opened.key] ?? {})) {
      if (!payload.conflicting && isStored(payload.turn, stored[payload.part])) this.#drop(opened.key, name);
    }
    this.#write();
    return merged && !late ? this.#without(merged, opened.key) : null;
  }

  /** The reader has chosen what holds: their own, which is returned to be sent as a change, or what is saved already. */
  choose(id, mine) {
    const conflict = this.conflicts.get(id);
    if (!conflict) return null;
    this.conflicts.delete(id);
    const payload = this.parts[conflict.key]?.[conflict.name];
    this.#drop(conflict.key, conflict.name);
    this.#write();
    if (!mine || !payload) return null;
    const mineOnly = Object.entries(payload).filter(([name]) => !["conflicting", "of", "turn"].includes(name));
    return { ...Object.fromEntries(mineOnly), case: conflict.case };
  }

  /** What was sent long ago and not answered, by case; it counts as sent now. */
  due(now = Date.now()) {
    const due = [];
    for (const [key, parts] of Object.entries(this.parts)) {
      const late = Object.values(parts).filter(({ turn, conflicting }) => {
        if (!this.sentAt.has(turn)) this.sentAt.set(turn, [now, WAITS]);
        const [at, wait] = this.sentAt.get(turn);
        return !conflicting && now >= at + wait;
      });
      for (const { turn } of late) this.sentAt.set(turn, [now, Math.min(LONGEST, 2 * this.sentAt.get(turn)[1])]);
      if (late.length) due.push({ case: late[0].case, of: late[0].of, key, parts: late });
    }
    return due;
  }

  /** The first change of the open case that has waited so long for its answer, by its turn, or null. */
  stuck(milliseconds, now = Date.now()) {
    const late = this.waiting(this.now).find(({ turn }) => now - (this.madeAt.get(turn) ?? now) > milliseconds);
    return late?.turn ?? null;
  }

  /** Everything of a case that is not known to be saved. */
  waiting(openId) {
    const key = this.openCases.get(openId)?.key;
    return Object.values(this.parts[key] ?? {}).filter((payload) => !payload.conflicting && payload.case === openId);
  }

  /** Which stored case is open, and the newest review of it that is known here: to be sent with what is no change. */
  of(openId) {
    return this.openCases.get(openId)?.of ?? null;
  }

  /**
   * Whether the store has a newer review of the open case than it shows, as this tab has heard under an earlier opening of it: what was said while the
   * case was opened once more. Said once of each such review.
   */
  isBehind(openId) {
    const opened = this.openCases.get(openId);
    if (!opened) return false;
    const newest = Math.max(...[...this.openCases.values()].filter(({ key }) => key === opened.key).map(({ of }) => of.base));
    if (newest <= Math.max(opened.of.base, opened.caughtUp ?? 0)) return false;
    opened.caughtUp = newest;
    return true;
  }

  /** How many changes of a case were sent. */
  sent(openId) {
    return this.counts.get(openId) ?? 0;
  }

  get pending() {
    return Object.values(this.parts).some((parts) => Object.values(parts).some(({ conflicting }) => !conflicting));
  }

  #hold(openId, key, { part, name: field, number, mine, theirs }) {
    const id = `${part} ${field}`;
    if (this.seen.has(`${openId} ${id} ${number}`)) return; // an answer that was under way at the same time says it again
    this.seen.add(`${openId} ${id} ${number}`);
    const sentAs = { masks: "mask", rulers: "ruler", remarks: "remarks" }[part]; // sent whole: what this tab sent is what it wants
    const sent = Object.values(this.parts[key] ?? {}).filter((payload) => payload.part === `${sentAs} ${field}`);
    const own = sent.findLast(({ conflicting }) => !conflicting) ?? sent.at(-1); // not what an earlier conflict holds, which nobody has settled
    const payload = own ? { ...own } : writeAgain(part, field, mine);
    const name = `conflicting ${id}`;
    (this.parts[key] ??= {})[name] = { ...payload, case: openId, of: { ...this.openCases.get(openId).of, base: number - 1 }, turn: `${this.tab}.${++this.turn}`, conflicting: true };
    this.conflicts.set(id, { case: openId, key, name, part, field, mine, theirs });
  }

  #drop(key, name) {
    if (!this.parts[key]) return;
    for (const times of [this.sentAt, this.madeAt]) times.delete(this.parts[key][name]?.turn);
    delete this.parts[key][name];
    if (!Object.keys(this.parts[key]).length) delete this.parts[key];
  }

  /** What came from elsewhere, less what is on its way from here: its own answer will say which of both holds. */
  #without(merged, key) {
    const changing = new Set(Object.values(this.parts[key] ?? {}).flatMap(({ part, touched, conflicting }) => (conflicting ? [] : [part, ...(touched ?? [])])));
    const keep = (fields, name = (field) => field) => Object.fromEntries(Object.entries(fields ?? {}).filter(([field]) => !changing.has(name(field))));
    return { ...merged, answers: keep(merged.answers), specified: keep(merged.specified), masks: keep(merged.masks, (field) => `mask ${field}`), rulers: keep(merged.rulers, (field) => `ruler ${field}`), remarks: keep(merged.remarks, (field) => `remarks ${field}`), note: keep(merged.note) };
  }

  #read() {
    try {
      const earlier = JSON.parse(this.storage.getItem(NAME)) ?? {};
      for (const parts of Object.values(earlier)) for (const payload of Object.values(parts)) forgetConflict(payload);
      return earlier;
    } catch {
      return {};
    }
  }

  #write() {
    try {
      if (Object.keys(this.parts).length) this.storage.setItem(NAME, JSON.stringify(this.parts));
      else this.storage.removeItem(NAME);
    } catch {
      // a browser that keeps nothing, or is full: the page asks before it is left
    }
  }
}

/** A conflict is asked again in a later life of the tab; an earlier version of the page called it held. */
function forgetConflict(payload) {
  delete payload.held;
  payload.conflicting = false;
}

/** Whether a change is in the store, where this one of the same part is. */
function isStored(turn, stored) {
  if (!turn || !stored) return false;
  const [tab, number] = turn.split(".");
  const [saver, newest] = stored.split(".");
  return tab === saver && Number(number) <= Number(newest);
}

/** A change of one field as its part of the page would send it. */
function writeAgain(part, field, mine) {
  if (part === "answers") return { part: "answers", answers: { [field]: mine[0] }, specified: { [field]: mine[1] }, touched: [field] };
  const note = { part: "note", comment: "", flagged: false, unusable: [] };
  if (part === "unusable") return { ...note, unusable: mine ? [field] : [], touched: [`unusable ${field}`] };
  return { ...note, [part]: mine ?? note[part] ?? null, touched: [part] };
}
