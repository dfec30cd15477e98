// What the reader has changed and the server has not said to have in the store: kept in this tab until it has. No DOM in here: node tests it.
//
// Every change says of which stored case it is, which review of it this tab has heard of last (`of`), what it changed (`touched`), and its place in
// this tab's own count (`turn`); see changes.py. The answer says which turns are in the store, and under which number; see in_step.py.

const NAME = "magic-demo-unsaved";
const WAITS = 5000; // milliseconds until a change that was not answered is sent again, twice as long each time
const LONGEST = 300_000;

const randomName = () => Array.from(globalThis.crypto.getRandomValues(new Uint8Array(9)), (one) => one.toString(36)).join("");

export class Unsaved {
  /** storage: like sessionStorage; what an earlier life of this tab left there is found again. tab: this life's name. */
  constructor(storage, tab = randomName()) {
    this.storage = storage;
    this.tab = tab;
    this.turn = 0;
    this.now = null; // the open case of a queue
    this.places = new Map(); // case -> {key, of}
    this.parts = this.#read(); // key -> {name: what was sent}
    for (const [key, parts] of Object.entries(this.parts)) for (const { case: caseId, of } of Object.values(parts)) this.places.set(caseId, { key, of: { ...of } });
    this.tried = new Set(); // turns of earlier lives that were put back
    this.sentAt = new Map(); // turn -> [when it was sent last, how long to wait for its answer]
    this.madeAt = new Map(); // turn -> when the first change that it holds was made
    this.counts = new Map(); // case -> changes sent
    this.conflicts = new Map(); // what both tabs changed -> {case, key, name, part, field, mine, theirs}
    this.seen = new Set();
  }

  /** A case of a queue is open under this secret id. Returns what an earlier life of the tab, or an earlier opening, left unsaved of it, or null. */
  open({ queue, id, reader, mode, case: caseId, saved }) {
    const key = JSON.stringify([queue, id, reader]);
    this.places.set(caseId, { key, of: { queue, id, reader, mode, base: saved?.number ?? 0 } });
    this.now = caseId;
    if (saved) this.confirm({ ...saved, case: caseId });
    const left = Object.values(this.parts[key] ?? {}).filter(({ turn, case: before }) => before !== caseId && !this.tried.has(turn));
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
  note(caseId, part, told, when = Date.now()) {
    this.counts.set(caseId, this.sent(caseId) + 1);
    const place = this.places.get(caseId);
    if (!place) return told; // of no queue
    const parts = (this.parts[place.key] ??= {});
    const name = `${part} ${this.tab}`;
    const before = parts[name]?.case === caseId ? parts[name] : null;
    const base = before ? Math.min(before.of.base, place.of.base) : place.of.base; // what it changed before was based on that
    const touched = before?.touched && told.touched ? [...new Set([...before.touched, ...told.touched])] : told.touched;
    Object.assign(told, { part, turn: `${this.tab}.${++this.turn}`, of: { ...place.of, base } }, touched ? { touched } : {});
    parts[name] = told;
    this.sentAt.set(told.turn, [when, WAITS]);
    this.madeAt.set(told.turn, this.madeAt.get(before?.turn) ?? when);
    this.#write();
    return told;
  }

  /** What the server says is in the store. Returns what came from elsewhere and is not being changed here, or null. */
  confirm({ case: caseId, number = 0, stored = {}, merged, conflicts }) {
    const place = this.places.get(caseId);
    if (!place) return null;
    const late = number < place.of.base;
    place.of.base = Math.max(place.of.base, number);
    for (const one of conflicts ?? []) this.#hold(caseId, place.key, one);
    for (const [name, told] of Object.entries(this.parts[place.key] ?? {})) {
      if (!told.held && isStored(told.turn, stored[told.part])) this.#drop(place.key, name);
    }
    this.#write();
    return merged && !late ? this.#without(merged, place.key) : null;
  }

  /** The reader has chosen what holds: their own, which is returned to be sent as a change, or what is saved already. */
  choose(id, mine) {
    const one = this.conflicts.get(id);
    if (!one) return null;
    this.conflicts.delete(id);
    const told = this.parts[one.key]?.[one.name];
    this.#drop(one.key, one.name);
    this.#write();
    if (!mine || !told) return null;
    const mineOnly = Object.entries(told).filter(([name]) => !["held", "of", "turn"].includes(name));
    return { ...Object.fromEntries(mineOnly), case: one.case };
  }

  /** What was sent long ago and not answered, by case; it counts as sent now. */
  due(now = Date.now()) {
    const due = [];
    for (const [key, parts] of Object.entries(this.parts)) {
      const late = Object.values(parts).filter(({ turn, held }) => {
        if (!this.sentAt.has(turn)) this.sentAt.set(turn, [now, WAITS]);
        const [at, wait] = this.sentAt.get(turn);
        return !held && now >= at + wait;
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
  waiting(caseId) {
    const key = this.places.get(caseId)?.key;
    return Object.values(this.parts[key] ?? {}).filter((told) => !told.held && told.case === caseId);
  }

  /** Which stored case is open, and the newest review of it that is known here: to be sent with what is no change. */
  of(caseId) {
    return this.places.get(caseId)?.of ?? null;
  }

  /** How many changes of a case were sent. */
  sent(caseId) {
    return this.counts.get(caseId) ?? 0;
  }

  get pending() {
    return Object.values(this.parts).some((parts) => Object.values(parts).some(({ held }) => !held));
  }

  #hold(caseId, key, { part, name: field, number, mine, theirs }) {
    const id = `${part} ${field}`;
    if (this.seen.has(`${caseId} ${id} ${number}`)) return; // an answer that was under way at the same time says it again
    this.seen.add(`${caseId} ${id} ${number}`);
    const own = part === "masks" && Object.values(this.parts[key] ?? {}).find((told) => told.part === `mask ${field}`);
    const told = own ? { ...own } : writeAgain(part, field, mine);
    const name = `held ${id}`;
    (this.parts[key] ??= {})[name] = { ...told, case: caseId, of: { ...this.places.get(caseId).of, base: number - 1 }, turn: `${this.tab}.${++this.turn}`, held: true };
    this.conflicts.set(id, { case: caseId, key, name, part, field, mine, theirs });
  }

  #drop(key, name) {
    if (!this.parts[key]) return;
    for (const times of [this.sentAt, this.madeAt]) times.delete(this.parts[key][name]?.turn);
    delete this.parts[key][name];
    if (!Object.keys(this.parts[key]).length) delete this.parts[key];
  }

  /** What came from elsewhere, less what is on its way from here: its own answer will say which of both holds. */
  #without(merged, key) {
    const changing = new Set(Object.values(this.parts[key] ?? {}).flatMap(({ part, touched, held }) => (held ? [] : [part, ...(touched ?? [])])));
    const keep = (fields, name = (one) => one) => Object.fromEntries(Object.entries(fields ?? {}).filter(([one]) => !changing.has(name(one))));
    return { ...merged, answers: keep(merged.answers), specified: keep(merged.specified), masks: keep(merged.masks, (one) => `mask ${one}`), note: keep(merged.note) };
  }

  #read() {
    try {
      const kept = JSON.parse(this.storage.getItem(NAME)) ?? {};
      for (const parts of Object.values(kept)) for (const told of Object.values(parts)) told.held = false; // it is asked again
      return kept;
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

/** Whether a change is in the store, where this one of the same part is. */
function isStored(turn, stored) {
  if (!turn || !stored) return false;
  const [tab, number] = turn.split(".");
  const [other, newest] = stored.split(".");
  return tab === other && Number(number) <= Number(newest);
}

/** A change of one field as its part of the page would send it. */
function writeAgain(part, field, mine) {
  if (part === "answers") return { part: "answers", answers: { [field]: mine[0] }, specified: { [field]: mine[1] }, touched: [field] };
  const note = { part: "note", comment: "", flagged: false, difficulty: null, unusable: [] };
  if (part === "unusable") return { ...note, unusable: mine ? [field] : [], touched: [`unusable ${field}`] };
  return { ...note, [part]: mine ?? note[part], touched: [part] };
}
