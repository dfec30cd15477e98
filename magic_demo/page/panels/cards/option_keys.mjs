// The letter of every option: one of its own label's, the first of its words' initials that is free, the same in both languages and in every case.

/** "Not mentioned" has the same key on every card. */
export const NONE_KEY = ".";
/** Keys that mean the same whatever has the focus: agree, next, why, back and forth among cards, redo and undo. */
export const RESERVED = "anijkyz";
const PASSED_OVER = new Set(["a", "or", "of", "to", "the", "size", "within"]); // words that tell no option from another
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"].filter((letter) => !RESERVED.includes(letter));

/**
 * Return the key of each option by their English labels; "" where letters have run out. none: the index of "Not mentioned", -1 without it. named: the
 * letters that the question file names, "" where it names none.
 */
export function keysOf(labels, none, named = []) {
  const keys = labels.map((_, option) => named[option] || (option === none ? NONE_KEY : ""));
  const give = (option, letter) => {
    if (letter && !keys.includes(letter)) keys[option] = letter;
  };
  const wishes = labels.map(wishesOf);
  wishes.forEach(({ initials }, option) => !keys[option] && give(option, initials.find((letter) => LETTERS.includes(letter))));
  const initial = new Set(keys); // those named in the file among them: nobody takes them
  labels.forEach((_, option) => !keys[option] && find(option, new Set()));
  labels.forEach((_, option) => !keys[option] && give(option, LETTERS.find((letter) => !keys.includes(letter))));
  return keys;

  /** Give an option a letter of its label; one that got its own by this may take another of its label's. */
  function find(option, tried) {
    for (const letter of [...wishes[option].initials, ...wishes[option].letters]) {
      if (!LETTERS.includes(letter) || initial.has(letter) || tried.has(letter)) continue;
      tried.add(letter);
      const holder = keys.indexOf(letter);
      if (holder >= 0 && !find(holder, tried)) continue;
      keys[option] = letter;
      return true;
    }
    return false;
  }
}

function wishesOf(label) {
  const words = label.toLowerCase().replace(/\(.*?\)/g, "").match(/[a-z]+/g) ?? [];
  const telling = words.filter((word) => !PASSED_OVER.has(word));
  return { initials: telling.map((word) => word[0]), letters: telling.join("") };
}
