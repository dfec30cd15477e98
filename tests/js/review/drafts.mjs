// A browser that keeps drafts, with tabs in it, for the tests of unkept work.

import { UnkeptWork } from "../../../magic_demo/page/panels/case/unkept/unkept.mjs";

class Drafts {
  drafts = new Map();
  photos = new Map();
  open = new Set();
  fails = false;
  async all() { return structuredClone([...this.drafts.values()]); }
  async put(draft) {
    if (this.fails) throw new Error("no room");
    this.drafts.set(draft.id, structuredClone(draft));
  }
  async putPhoto(id, number, photo) {
    if (this.fails) throw new Error("no room");
    this.photos.set(`${id} ${number}`, { ...photo });
  }
  async dropPhoto(id, number) { this.photos.delete(`${id} ${number}`); }
  async photosOf(id) { return [...this.photos].filter(([key]) => key.startsWith(`${id} `)).sort().map(([, photo]) => photo); }
  async remove(id) {
    this.drafts.delete(id);
    for (const key of this.photos.keys()) if (key.startsWith(`${id} `)) this.photos.delete(key);
  }
  async prune(ids) { for (const key of this.photos.keys()) if (!ids.has(key.split(" ")[0])) this.photos.delete(key); }
  hold(id) { this.open.add(id); }
  release(id) { this.open.delete(id); }
  async listOpen() { return this.open; }
}

class Late {
  kept = new Map();
  getItem = (name) => this.kept.get(name) ?? null;
  setItem = (name, text) => this.kept.set(name, text);
  removeItem = (name) => this.kept.delete(name);
}

export const photo = (name, size = 3) => ({ name, size });

/** A browser with tabs in it, a clock and whoever is signed in. */
export function browser() {
  const world = { store: new Drafts(), late: new Late(), reader: "", time: 1_000_000, words: { narrative: "", prompt: "" } };
  world.tab = () => new UnkeptWork({ store: world.store, late: world.late, reader: () => world.reader, words: () => world.words, now: () => world.time });
  world.closeTabs = () => world.store.open.clear();
  return world;
}

export async function uploaded(world, openId = "secret-1") {
  const work = world.tab();
  work.addPhotos([photo("leg.jpg"), photo("arm.jpg")]);
  work.shown(openId, [true, true]);
  work.note(openId, { answers: { CQID010: [1] }, specified: {} });
  work.noteOfPhoto(openId, "masks", "leg", { width: 2, height: 2, runs: [0, 4] });
  await work.writing;
  return work;
}
