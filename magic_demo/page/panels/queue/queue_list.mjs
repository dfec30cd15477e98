// The rules of the list of cases, without a page: which are listed, how many are done, which comes next.
//
// A case is {id, state, flagged, disagrees, mine}; the list comes in the order that the reader chose.

export function isListed(row, filter) {
  if (filter === "flagged") return row.flagged;
  if (filter === "disagreeing") return row.disagrees;
  if (filter === "mine") return row.mine;
  return filter === "all" || row.state === filter;
}

export function listed(cases, filter) {
  return cases.filter((row) => isListed(row, filter));
}

/** Return the case so many steps from the open one among those listed; from nothing open, the first or the last; null at the ends. */
export function stepFrom(cases, filter, open, step) {
  const all = cases.map((row) => row.id);
  const shown = listed(cases, filter).map((row) => row.id);
  const at = all.indexOf(open);
  if (at < 0) return (step > 0 ? shown[0] : shown.at(-1)) ?? null;
  const beside = step > 0 ? all.slice(at + 1) : all.slice(0, at).reverse();
  return beside.find((id) => shown.includes(id)) ?? null;
}

/** Return the next case that is not done, after the open one and then from the start; null where every case is done. */
export function nextOpen(cases, open) {
  const at = cases.findIndex((row) => row.id === open);
  const order = [...cases.slice(at + 1), ...cases.slice(0, Math.max(0, at))];
  return order.find((row) => row.state !== "done")?.id ?? null;
}

/** Return where among the listed cases the list is to be looked at: at the open one, or at the next to do; -1 where none is listed. */
export function lookedAt(cases, filter, open) {
  const at = open ?? nextOpen(cases, null);
  return listed(cases, filter).findIndex((row) => row.id === at);
}

/** Return which of `count` rows are drawn, [from, to): `most` of them around the one at `at`, the first ones where that is below 0. */
export function drawnPart(count, at, most) {
  const from = Math.max(0, Math.min(at - Math.floor(most / 2), count - most));
  return [from, Math.min(count, from + most)];
}

/**
 * Return the {order, mode} in which a list goes on, null where its answer is out of date. wanted: the {queue, order, mode} that was chosen and is
 * not answered yet, else null. A list that was on its way meanwhile changes no mode that was chosen: who chose blind is shown no model.
 */
export function arrangementOf(value, wanted) {
  const outOfDate = wanted && ["queue", "order", "mode"].some((what) => value[what] !== wanted[what]);
  if (value.arranged && outOfDate) return null;
  return { order: value.order, mode: wanted?.mode ?? value.mode };
}

export function countDone(cases) {
  return cases.filter((row) => row.state === "done").length;
}

/** Let what a browser has under an earlier name stand under the one of today, where there is nothing yet. */
export function moveItem(storage, earlier, name) {
  const value = storage.getItem(earlier);
  if (value === null) return;
  if (storage.getItem(name) === null) storage.setItem(name, value);
  storage.removeItem(earlier);
}
