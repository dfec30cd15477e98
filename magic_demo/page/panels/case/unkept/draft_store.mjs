// Drafts in this browser's database: one record a draft, and its photos, which are large and written once. Only pages of this address read it.

const NAME = "magic-demo-drafts";
const MOST = [Number.MAX_SAFE_INTEGER];

function answered(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function ended(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export class DraftStore {
  constructor() {
    this.opened = null;
    this.releases = new Map();
  }

  #open() {
    this.opened ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("drafts", { keyPath: "id" });
        request.result.createObjectStore("photos");
      };
      request.onsuccess = () => {
        request.result.onversionchange = () => this.#shut(); // another tab deletes it
        resolve(request.result);
      };
      request.onerror = request.onblocked = () => reject(request.error ?? new Error("the browser's database is blocked"));
    });
    return this.opened;
  }

  async #shut() {
    const database = await this.opened?.catch(() => null);
    this.opened = null;
    database?.close();
  }

  async #write(act) {
    const transaction = (await this.#open()).transaction(["drafts", "photos"], "readwrite");
    act(transaction.objectStore("drafts"), transaction.objectStore("photos"));
    transaction.commit(); // not only once the page has heard of its requests: by then it may be gone
    await ended(transaction);
  }

  async #exists() {
    const databases = (await indexedDB.databases?.()) ?? [{ name: NAME }]; // one that is not there is not made to be looked at
    return databases.some(({ name }) => name === NAME);
  }

  async all() {
    if (!(await this.#exists())) return [];
    return answered((await this.#open()).transaction("drafts").objectStore("drafts").getAll());
  }

  put(draft) {
    return this.#write((drafts) => drafts.put(draft));
  }

  putPhoto(id, number, photo) {
    return this.#write((_drafts, photos) => photos.put(photo, [id, number]));
  }

  dropPhoto(id, number) {
    return this.#write((_drafts, photos) => photos.delete([id, number]));
  }

  /** Return [{name, blob}] in their order. */
  async photosOf(id) {
    const photos = (await this.#open()).transaction("photos").objectStore("photos");
    return answered(photos.getAll(IDBKeyRange.bound([id, 0], [id, ...MOST])));
  }

  /** Remove a draft with its photos; with the last one the database goes. */
  async remove(id) {
    if (!(await this.#exists())) return;
    await this.#write((drafts, photos) => {
      drafts.delete(id);
      photos.delete(IDBKeyRange.bound([id, 0], [id, ...MOST]));
    });
    const database = await this.#open();
    const count = (name) => answered(database.transaction(name).objectStore(name).count());
    if (!(await count("drafts")) && !(await count("photos"))) await this.clear();
  }

  /** Delete photos whose draft is none of `ids`: the page went before it could write the draft. */
  async prune(ids) {
    if (!(await this.#exists())) return;
    const keys = await answered((await this.#open()).transaction("photos").objectStore("photos").getAllKeys());
    const orphans = keys.filter(([id]) => !ids.has(id));
    if (orphans.length) await this.#write((_drafts, photos) => orphans.forEach((key) => photos.delete(key)));
  }

  async clear() {
    await this.#shut();
    await answered(indexedDB.deleteDatabase(NAME));
  }

  // ---- which drafts are open in a tab: they are not offered in another one

  hold(id) {
    if (this.releases.has(id)) return;
    const closed = new Promise((release) => this.releases.set(id, release));
    navigator.locks?.request(`${NAME} ${id}`, () => closed);
  }

  release(id) {
    this.releases.get(id)?.();
    this.releases.delete(id);
  }

  async listOpen() {
    const { held: locks = [] } = (await navigator.locks?.query()) ?? {};
    return new Set(locks.filter(({ name }) => name.startsWith(`${NAME} `)).map(({ name }) => name.slice(NAME.length + 1)));
  }
}
