// The rules of the cards, without a page: what a click leaves chosen, who agrees, and which card comes next.
//
// A family is {id, slots, options, none}: `options` is how many there are, `none` the index of "Not mentioned", -1 without it. A reader's or a model's
// answer to it is a sorted list of option indices, empty where there is none; "Not mentioned" stands alone, as it fills the slots left.

/** Return what is chosen after a click on an option, and whether it was refused because every slot is taken. */
export function choose(family, selected, option) {
  if (family.slots === 1 || option === family.none) return { selected: [option], full: false };
  const labels = selected.filter((label) => label !== family.none);
  if (labels.includes(option)) return { selected: labels.filter((label) => label !== option), full: false };
  if (labels.length >= family.slots) return { selected: labels, full: true };
  return { selected: [...labels, option].sort((a, b) => a - b), full: false };
}

export function sameOptions(first, second) {
  return first.length === second.length && first.every((option, index) => option === second[index]);
}

/** Say how a reader's answer stands to the model's: "open" (not answered), "own" (no model), "agree" or "differ". */
export function standing(selected, model) {
  if (!selected.length) return "open";
  if (!model.length) return "own";
  return sameOptions(selected, model) ? "agree" : "differ";
}

/**
 * Return what agreeing with the rest takes: the model's answer in every family that was not answered, by id. `left` counts those that stay
 * open because the model abstains; `models` holds {chosen, unsure} by id.
 */
export function agreeWithRest(families, answers, models) {
  const open = families.filter(({ id }) => !answers[id]?.length && models[id]?.chosen.length);
  const known = open.filter(({ id }) => !models[id].unsure);
  return { taken: Object.fromEntries(known.map(({ id }) => [id, [...models[id].chosen]])), left: open.length - known.length };
}

export function countStandings(standings) {
  const counts = { agree: 0, differ: 0, own: 0, open: 0 };
  for (const standing of standings) counts[standing] += 1;
  return counts;
}

/** Return the place of the next card that needs the reader, those where the model abstains first; null where all are answered. */
export function nextToSee(standings, unsure, from) {
  const count = standings.length;
  const order = Array.from({ length: count }, (_, step) => (from + 1 + step + count) % count);
  const open = order.filter((index) => standings[index] === "open");
  return open.find((index) => unsure[index]) ?? open[0] ?? null;
}

/** Return the name so many steps further among the systems that speak of the case ({name: whether it does}), from the one shown; null for none. */
export function stepSystem(systems, shown, step) {
  const names = Object.keys(systems).filter((name) => systems[name]);
  if (names.length < 2) return null;
  const at = names.indexOf(shown);
  return at < 0 ? names[0] : names[(at + step + names.length) % names.length];
}

/** Return the option that a number typed into a card is, null where it is none of the scale's ({min, max, step}). */
export function optionOfNumber({ min, max, step }, text) {
  const value = Number(text);
  if (!String(text).trim() || !Number.isFinite(value) || value < min - 1e-9 || value > max + 1e-9) return null;
  const place = (value - min) / step;
  return Math.abs(place - Math.round(place)) < 1e-6 ? Math.round(place) : null;
}

/** Return the number that an option is, as text. */
export function numberOfOption({ min, step }, option) {
  return String(Number((min + option * step).toFixed(6)));
}

/**
 * Say what is measured otherwise than a card is answered: "several", "one", "colour" or null. kind: what the card asks, "count" or "colour"; names:
 * the English labels answered; measured: {count, colour} of the photo in view, or null.
 */
export function contradiction(kind, names, measured) {
  if (!measured || names.length !== 1) return null;
  const name = names[0].toLowerCase();
  if (kind === "count") {
    if (name === "single" && measured.count > 1) return "several";
    return name.startsWith("multiple") && measured.count === 1 ? "one" : null;
  }
  if (!measured.colour || name === "not mentioned") return null;
  return name.startsWith(measured.colour) ? null : "colour";
}

/** Return a number as the cards write it: a calibrated chance in percent, a score with two digits. */
export function writeShare(share, calibrated) {
  if (!calibrated) return share.toFixed(2);
  if (share > 0 && share < 0.01) return "<1%";
  if (share < 1 && share > 0.99) return ">99%";
  return `${Math.round(share * 100)}%`;
}

/** Call `send` with the latest value once none has come for `rest` milliseconds, or at once when `flush` is called. */
export function whenRested(rest, send) {
  let waiting = null;
  const flush = () => {
    if (!waiting) return;
    clearTimeout(waiting.timer);
    const { value } = waiting;
    waiting = null;
    send(value);
  };
  return {
    say(value) {
      if (waiting) clearTimeout(waiting.timer);
      waiting = { value, timer: setTimeout(flush, rest) };
    },
    flush,
    drop() {
      if (waiting) clearTimeout(waiting.timer);
      waiting = null;
    },
  };
}
