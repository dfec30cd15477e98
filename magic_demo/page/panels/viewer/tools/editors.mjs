// One editor a label, of which one is in hand: whatever tool draws, it draws that label's mask. A study of one label has one editor.

import { keyOf } from "../masks/outline_names.mjs";

export class Editors {
  /** make(label): an Editor of a label, {id, look}; the first label's id is "". chosen(): another one is in hand. */
  constructor(make, chosen) {
    this.make = make;
    this.chosen = chosen;
    this.labels = [];
    this.setLabels([]);
  }

  /** labels: [{id, name, look, key}]; those of the case before are forgotten where they are others. */
  setLabels(labels) {
    const wanted = labels.length ? labels.map((label, number) => ({ ...label, id: number ? label.id : "" })) : [{ id: "" }];
    const same = wanted.length === this.labels.length && wanted.every(({ id }, number) => id === this.labels[number].id);
    if (same && labels.length === 0) return;
    this.labels = wanted;
    if (same) return;
    this.all = new Map(wanted.map((label) => [label.id, this.make(label)]));
    this.id = "";
  }

  get several() {
    return this.labels.length > 1;
  }

  get label() {
    return this.labels.find(({ id }) => id === this.id);
  }

  get hand() {
    return this.all.get(this.id);
  }

  get first() {
    return this.all.get("");
  }

  choose(id) {
    if (id === this.id || !this.all.has(id) || this.hand.busy) return;
    this.id = id;
    this.chosen();
  }

  /** Take the next label in hand. */
  next() {
    const number = this.labels.findIndex(({ id }) => id === this.id);
    this.choose(this.labels[(number + 1) % this.labels.length].id);
  }

  /** The labels that are not in hand, with their editors. */
  get others() {
    return this.labels.filter(({ id }) => id !== this.id).map((label) => [label, this.all.get(label.id)]);
  }

  /** Take masks by their names; see `Editor.restore`. */
  restore(photos, saved, replace) {
    for (const editor of this.all.values()) editor.restore(photos, saved, replace);
  }

  /** Take those of the masks that are named, null where one was taken back. */
  takeNamed(photos, masks) {
    for (const [id, editor] of this.all) editor.restore(photos.filter(({ name }) => keyOf(name, id) in masks), masks, true);
  }

  /** Let these be all that is outlined, as one more edit each. */
  takeAll(photos, masks) {
    for (const [id, editor] of this.all) for (const one of photos) editor.take(one, masks[keyOf(one.name, id)] ?? null);
  }

  forget() {
    for (const editor of this.all.values()) editor.forget();
  }

  get busy() {
    return this.hand.busy;
  }

  layerOf(one) {
    return this.hand.layerOf(one);
  }

  own(one) {
    return this.hand.own(one);
  }

  begin() {
    return this.hand.begin();
  }

  write(write) {
    this.hand.write(write);
  }

  commit(how) {
    return this.hand.commit(how);
  }

  drop() {
    this.hand.drop();
  }

  change(name) {
    this.hand.change(name);
  }

  pick(kind, point, near) {
    this.hand.pick(kind, point, near);
  }

  state(one) {
    return this.hand.state(one);
  }

  shownRuns() {
    return this.hand.shownRuns();
  }
}
