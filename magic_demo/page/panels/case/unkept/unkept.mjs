// Work that is in no store: a case of photos of one's own, of an example, or of words alone. What the reader has made of it is put into this
// browser as it goes, so that nothing that closes the page loses it, and is offered again. No DOM in here: node tests it.

import { keyOf, splitKey } from "../../viewer/masks/outline_names.mjs";

export const LASTS = 24 * 3600 * 1000; // milliseconds after the last change
export const MOST_BYTES = 200 * 2 ** 20; // of one case's photos
export const LATE = "magic-demo-late"; // what has changed just before or while the page goes
export const FRESH = 5000; // milliseconds; a browser that closes a page may take back what its database said was written so long ago

/** Return whether there is something of the reader's own in a draft, or photos of the reader's own. */
export function hasWork({ photos, answers, masks, rulers = {}, remarks = {}, narrative, prompt, typed }) {
  return photos > 0 || countAnswers(answers) > 0 || [masks, rulers, remarks].some((of) => Object.keys(of).length > 0) || (typed && Boolean(narrative.trim() || prompt.trim()));
}

/** What is kept of a draft: all but the secret of its open case, which is another one when it is gone on with. */
function recordOf(draft) {
  const { case: _case, ...record } = structuredClone(draft);
  return record;
}

const endingOf = (name) => /\.[^.]*$/.exec(name)?.[0] ?? ".jpg"; // what a file is the server sees in it

export const countAnswers = (answers) => Object.values(answers).filter((options) => options.length).length;

export class UnkeptWork {
  /**
   * store: drafts, see draft_store.mjs. late: like localStorage, for what changes while the page goes. reader(): whose the page is, "" where nobody
   * signs in. words(): what stands in the fields, {narrative, prompt}. changed(): what is kept, or whether it is, may be another now.
   */
  constructor({ store, late, reader, words, changed = () => {}, now = Date.now }) {
    Object.assign(this, { store, late, reader, words, changed, now });
    this.current = null;
    this.byCase = new Map(); // open case's id -> its draft; what comes late of the one before goes there
    this.files = new Map(); // draft id -> [{name, blob}], as long as it is open
    this.sent = []; // [{draft, files}]: on their way; which of them are photos is said when they are opened
    this.coverings = new Map(); // open case's id and a photo's number -> its covering under way
    this.lost = new Set(); // ids of drafts that this browser does not keep
    this.leaving = false;
    this.writing = Promise.resolve();
  }

  /** Forget what is too old, take up what came while the page before was going, and return what can be gone on with, the newest first. */
  async offers() {
    await this.#takeLate();
    const drafts = await this.store.all();
    const old = drafts.filter((draft) => this.now() - draft.changed > LASTS);
    for (const draft of old) await this.store.remove(draft.id);
    const open = await this.store.listOpen();
    await this.store.prune(new Set([...drafts.map(({ id }) => id), ...open, ...(this.current ? [this.current.id] : [])]));
    const mine = drafts.filter((draft) => !old.includes(draft) && draft.reader === this.reader() && !open.has(draft.id) && draft.id !== this.current?.id);
    return mine.sort((first, second) => second.changed - first.changed);
  }

  /** Another case begins; what was made of the one before stays in the browser. */
  begin({ example = null } = {}) {
    this.close();
    const now = this.now();
    const id = `${now.toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
    this.current = { id, reader: this.reader(), began: now, changed: now, example, photos: 0, consent: false, narrative: "", prompt: "", typed: false, analysed: false, asked: false, answers: {}, specified: {}, masks: {}, rulers: {}, remarks: {}, covers: [], case: null };
    this.files.set(id, []);
    this.store.hold(id);
    return this.current;
  }

  /** No such case is open any more. */
  close() {
    if (!this.current) return;
    const { id } = this.current;
    this.current = null;
    this.files.delete(id);
    this.writing = this.writing.then(() => this.store.release(id)).then(this.changed);
  }

  /** The page shows a case that is in no store, under this id. opened: which of the files that were sent first are photos of it; null: none came. */
  shown(openId, opened = null) {
    const batch = opened && this.sent.shift();
    if (batch) this.#accept(batch, opened);
    if (this.byCase.has(openId) && this.byCase.get(openId) !== this.current) return; // late: another case has begun
    const draft = this.current ?? this.begin();
    for (const [other, ofOther] of this.byCase) if (ofOther === draft && other !== openId) this.byCase.delete(other); // opened anew
    draft.case = openId;
    this.byCase.set(openId, draft);
  }

  /** Photos of the reader's own were sent, with their consent: they begin a case, or are added to the one that is open. */
  addPhotos(files) {
    const draft = this.current && this.current.example === null ? this.current : this.begin();
    this.sent.push({ draft, files });
  }

  #accept({ draft, files }, opened) {
    const photosHere = this.files.get(draft.id);
    if (!photosHere) return; // another case has begun
    const from = photosHere.length;
    photosHere.push(...files.filter((_, i) => opened[i]).map((file) => ({ name: file.name, blob: file })));
    Object.assign(draft, { photos: photosHere.length, consent: true });
    const size = photosHere.reduce((sum, { blob }) => sum + blob.size, 0);
    if (size > MOST_BYTES || opened.length !== files.length) this.#lose(draft); // one that got lost on its way: which is which is not known
    else photosHere.slice(from).forEach((photo, i) => this.#write(draft, () => this.store.putPhoto(draft.id, from + i, photo)));
    this.#save(draft);
  }

  /** Change parts of the draft of a case. */
  note(openId, parts) {
    const draft = this.byCase.get(openId);
    if (!draft) return;
    Object.assign(draft, parts);
    this.#save(draft);
  }

  /**
   * What is said of a photo has changed: "masks" ({width, height, runs, clicks}, with `cleared` where the reader said "no lesion here") by the outline's
   * name (viewer/masks/outline_names.mjs), "rulers" or "remarks"; null where nothing is any more.
   */
  noteOfPhoto(openId, field, photo, value) {
    const draft = this.byCase.get(openId);
    if (!draft) return;
    const { [photo]: _before, ...others } = draft[field] ?? {};
    this.note(openId, { [field]: value ? { ...others, [photo]: value } : others });
  }

  /** The words in the fields were typed in. */
  typed() {
    const draft = this.current ?? this.begin();
    draft.typed = true;
    this.#save(draft);
  }

  /** A model was asked about the open case, or the one of this id: its reader may have seen something of the answer, and cannot read it blind any more. */
  asked(openId = null) {
    const draft = openId === null ? this.current : this.byCase.get(openId);
    if (!draft || draft.asked) return;
    draft.asked = true;
    this.#save(draft);
  }

  /** A photo is about to be covered for good: the browser's copy goes first. An example's photo is the program's own, of which the area is kept. */
  cover(openId, number, area) {
    const draft = this.byCase.get(openId);
    if (!draft) return;
    if (draft.example !== null) this.note(openId, { covers: [...draft.covers, area] });
    else {
      const under = {};
      under.over = new Promise((resolve) => { under.end = resolve; });
      this.coverings.set(`${openId} ${number}`, under);
      this.#write(draft, () => this.store.dropPhoto(draft.id, number));
    }
  }

  /** Whether it keeps the photos of a case. */
  holds(openId) {
    const draft = this.byCase.get(openId);
    return Boolean(draft) && draft.example === null;
  }

  /** Resolves to true as soon as no photo of a case is being covered, to false where that takes too many milliseconds. */
  coversEnd(openId, most) {
    const under = [...this.coverings].filter(([key]) => key.startsWith(`${openId} `)).map(([, one]) => one.over);
    return Promise.race([Promise.all(under).then(() => true), new Promise((resolve) => { setTimeout(() => resolve(false), most); })]);
  }

  /** The photo that was to be covered is `blob` now; null where it stayed as it was. last: false where a better one comes. */
  covered(openId, number, blob, last = true) {
    if (last) {
      this.coverings.get(`${openId} ${number}`)?.end();
      this.coverings.delete(`${openId} ${number}`);
    }
    const draft = this.byCase.get(openId);
    const photo = draft && this.files.get(draft.id)?.[number];
    if (!draft) return;
    if (draft.example !== null) {
      if (!blob) this.note(openId, { covers: draft.covers.slice(0, -1) });
    } else if (photo) {
      if (blob) photo.blob = blob;
      this.#write(draft, () => this.store.putPhoto(draft.id, number, photo));
    }
  }

  /** Go on with a draft: the case that the page shows next is its. Returns it with its photos, null where it has gone. */
  async adopt(id) {
    this.close();
    await this.writing;
    const draft = (await this.store.all()).find((draft) => draft.id === id && draft.reader === this.reader());
    if (!draft) return null;
    const photos = await this.store.photosOf(id);
    for (const [openId, draftOfCase] of this.byCase) if (draftOfCase.id === id) this.byCase.delete(openId);
    this.current = { ...draft, photos: photos.length, case: null };
    if (photos.length < draft.photos) { // one was being covered when the page went: it does not come back
      photos.forEach((photo, number) => this.#write(this.current, () => this.store.putPhoto(id, number, photo)));
      for (let number = photos.length; number < draft.photos; number++) this.#write(this.current, () => this.store.dropPhoto(id, number));
    }
    this.files.set(id, photos);
    this.store.hold(id);
    return { draft: structuredClone(draft), photos };
  }

  /** Whether the open case is one of so many photos of the reader's own, which this page has. */
  arranges(count) {
    return count > 0 && this.current?.example === null && this.files.get(this.current.id)?.length === count;
  }

  /** The open case's photos in another order, under other names: [{name, blob}]; null where it has none of its own. order: where each is now. */
  photosAs(order, names) {
    const photos = this.current && this.files.get(this.current.id);
    if (!photos || order.some((number) => !photos[number])) return null;
    return order.map((number, place) => ({ name: names[place] + endingOf(photos[number].name), blob: photos[number].blob }));
  }

  /** Let these be the open case's photos, each with the outline and the lengths it had. before: what they were called; the rest as in `photosAs`. Returns the draft. */
  arrange(before, order, names, photos) {
    const draft = this.current;
    const count = draft.photos;
    const nameAt = new Map(order.map((number, place) => [before[number], names[place]]));
    const renamed = (ofPhotos = {}) =>
      Object.fromEntries(Object.entries(ofPhotos).flatMap(([name, one]) => {
        const { label, photo } = splitKey(name);
        return nameAt.has(photo) ? [[keyOf(nameAt.get(photo), label), one]] : [];
      }));
    Object.assign(draft, { photos: photos.length, masks: renamed(draft.masks), rulers: renamed(draft.rulers), remarks: renamed(draft.remarks) });
    this.files.set(draft.id, photos);
    photos.forEach((photo, number) => this.#write(draft, () => this.store.putPhoto(draft.id, number, photo)));
    for (let number = photos.length; number < count; number++) this.#write(draft, () => this.store.dropPhoto(draft.id, number));
    this.#save(draft);
    return structuredClone(draft);
  }

  /** The case is in a store now, or is not wanted: nothing of it stays here. */
  drop(openId) {
    const draft = this.byCase.get(openId);
    if (!draft) return;
    this.byCase.delete(openId);
    if (this.current === draft) this.current = null;
    this.discard(draft.id);
  }

  discard(id) {
    this.files.delete(id);
    this.lost.delete(id);
    for (const [openId, draft] of this.byCase) if (draft.id === id) this.byCase.delete(openId);
    if (this.#late()?.id === id) this.late.removeItem(LATE);
    this.writing = this.writing.then(() => this.store.remove(id)).then(() => this.store.release(id)).then(this.changed, this.changed);
  }

  /** The page goes: what has just changed is written once more, and what changes from now on. */
  leave() {
    this.leaving = true;
    const draft = this.current;
    if (draft && this.now() - draft.changed < FRESH && hasWork(draft) && draft.reader === this.reader()) this.#writeLate(draft);
  }

  /** The page stays after all. */
  stay() {
    this.leaving = false;
  }

  /** Whether closing the page would lose something. */
  get unsafe() {
    return Boolean(this.current && this.lost.has(this.current.id) && hasWork(this.current));
  }

  #save(draft) {
    if (draft.reader !== this.reader()) return; // signed out, or somebody else by now
    if (draft === this.current) Object.assign(draft, this.words());
    draft.changed = this.now();
    if (!hasWork(draft)) this.#write(draft, () => this.store.remove(draft.id));
    else {
      const record = recordOf(draft);
      if (this.leaving) this.#writeLate(draft);
      this.#write(draft, () => this.store.put(record));
    }
  }

  /** Write after what was written before; a browser that cannot keep it does not, and the page asks before it is left. */
  #write(draft, act) {
    this.writing = this.writing.then(async () => {
      if (this.lost.has(draft.id) || draft.reader !== this.reader()) return;
      try {
        await act();
      } catch {
        this.#lose(draft);
      }
    });
  }

  #lose(draft) {
    this.lost.add(draft.id);
    this.writing = this.writing.then(() => this.store.remove(draft.id)).catch(() => {}).then(this.changed);
  }

  /** A database may not get to write any more while the page goes; this does. */
  #writeLate(draft) {
    if (this.lost.has(draft.id)) return;
    try {
      this.late.setItem(LATE, JSON.stringify(recordOf(draft)));
    } catch {
      // full, or not allowed: what rested before is in the database
    }
  }

  #late() {
    try {
      return JSON.parse(this.late.getItem(LATE));
    } catch {
      return null;
    }
  }

  async #takeLate() {
    const late = this.#late();
    if (!late) return;
    if (late.id !== this.current?.id) { // of the draft that is open here memory knows more
      const stored = (await this.store.all()).find(({ id }) => id === late.id);
      const photos = late.photos ? (await this.store.photosOf(late.id)).length : 0;
      if (photos >= late.photos && (!stored || stored.changed < late.changed)) await this.store.put(late);
    }
    if (this.#late()?.changed === late.changed) this.late.removeItem(LATE); // not what has come meanwhile
  }
}
