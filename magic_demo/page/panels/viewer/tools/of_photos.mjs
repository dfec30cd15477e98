// What a reader says of each photo of the open case, beside its outline: taken from the server once, changed as edits that can be undone. No DOM in
// here: node tests it.

export class OfPhotos {
  /** does: {journal, openId(), reach(photo): shows it, null where it has gone, changed(photo): an edit is over}. empty: what a photo has where nothing is said. */
  constructor(does, empty) {
    Object.assign(this, does);
    this.empty = empty;
    this.kept = new Map(); // photo's name -> what is said
    this.looked = null; // that of an earlier version, while it is looked at
  }

  of({ name }) {
    return (this.looked ? this.looked[name] : this.kept.get(name)) ?? this.empty;
  }

  /** Take what was saved. `replace`: also where the reader has said something since, as one more edit. */
  restore(photos, saved, replace) {
    for (const photo of photos) {
      const value = saved?.[photo.name] ?? null;
      if (!this.kept.has(photo.name) && value) this.kept.set(photo.name, value);
      else if (replace) this.put(photo, value ?? this.empty);
    }
  }

  forget() {
    this.kept.clear();
  }

  /** Let this be said of a photo, as one edit. */
  put(photo, value) {
    const before = this.kept.get(photo.name) ?? this.empty;
    if (JSON.stringify(before) === JSON.stringify(value)) return;
    const step = (which) => () => {
      if (this.reach(photo) === null) return false;
      this.lay(photo, which);
    };
    this.lay(photo, value);
    this.journal.push(this.openId(), { undo: step(before), redo: step(value) });
  }

  lay(photo, value) {
    this.kept.set(photo.name, value);
    this.changed(photo);
  }
}
