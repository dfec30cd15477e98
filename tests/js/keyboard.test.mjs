// One module says which key was pressed, on every keyboard and beside every input method.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { isField, onKey, onRelease, readKey } from "../../magic_demo/page/panels/frame/keys/keyboard.mjs";

const PAGE = fileURLToPath(new URL("../../magic_demo/page", import.meta.url));

/** A key press as browsers report it. */
function press(key, code, { altGr = false, ...held } = {}) {
  const none = { ctrlKey: false, altKey: false, metaKey: false, shiftKey: false, isComposing: false, keyCode: 65 };
  return { ...none, key, code, ...held, getModifierState: (name) => name === "AltGraph" && altGr };
}
const keyOf = (...pressed) => readKey(press(...pressed))?.key;
const plain = (...pressed) => {
  const { key, ctrl, alt } = readKey(press(...pressed));
  return !ctrl && !alt && key;
};

test("a key that an input method uses is nobody's", () => {
  for (const key of ["Enter", "Escape", "a", "Process", " "]) {
    assert.equal(readKey(press(key, "KeyA", { isComposing: true })), null);
    assert.equal(readKey(press(key, "KeyA", { keyCode: 229 })), null, "Safari's Enter after the composition has ended");
  }
});

test("a Cyrillic or Greek letter is the Latin letter in its place", () => {
  assert.equal(keyOf("ф", "KeyA"), "a");
  assert.equal(keyOf("Ф", "KeyA", { shiftKey: true }), "a");
  assert.equal(keyOf("я", "KeyZ", { ctrlKey: true }), "z");
  assert.equal(keyOf("х", "BracketLeft"), "[");
  assert.equal(keyOf("ъ", "BracketRight"), "]");
  assert.equal(keyOf("№", "Digit3", { shiftKey: true }), "#");
  assert.equal(keyOf("ω", "KeyV"), "v");
  assert.equal(keyOf(";", "KeyQ"), "q", "a Greek keyboard has no letter there");
  assert.equal(keyOf("ㅁ", "KeyA"), "a");
});

test("signs of a Cyrillic keyboard stay what they are", () => {
  assert.equal(plain(".", "Slash"), ".");
  assert.equal(plain("?", "Digit7", { shiftKey: true }), "?");
  assert.equal(plain("/", "Backslash", { shiftKey: true }), "/");
});

test("wide letters and Chinese punctuation reach what they stand for", () => {
  assert.equal(keyOf("Ａ", "KeyA"), "a");
  assert.equal(keyOf("？", "Slash", { shiftKey: true }), "?");
  assert.equal(keyOf("＃", "Digit3", { shiftKey: true }), "#");
  assert.equal(keyOf("１", "Digit1"), "1");
  assert.equal(keyOf("\u3000", "Space"), " ");
  assert.equal(keyOf("。", "Period"), ".");
  assert.equal(keyOf("【", "BracketLeft"), "[");
  assert.equal(keyOf("、", "Slash"), "/");
});

test("a Latin keyboard means the letters that it types, wherever they lie", () => {
  assert.equal(keyOf("a", "KeyQ"), "a", "French");
  assert.equal(keyOf("z", "KeyW", { ctrlKey: true }), "z");
  assert.equal(keyOf("z", "KeyY"), "z", "German");
  assert.equal(keyOf("'", "KeyQ"), "'", "Dvorak");
  assert.equal(keyOf("ü", "BracketLeft"), "ü", "a letter of its own, not a bracket");
  assert.equal(keyOf("é", "Digit2"), "é");
  assert.equal(keyOf("£", "Digit3", { shiftKey: true }), "£", "not the sign that an American keyboard has there");
  assert.equal(keyOf("§", "Digit3", { shiftKey: true }), "§");
});

test("signs behind AltGr are signs, however AltGr is reported", () => {
  for (const held of [{ altGr: true }, { altGr: true, ctrlKey: true, altKey: true }, { ctrlKey: true, altKey: true }]) {
    assert.equal(plain("[", "Digit8", held), "[", "German");
    assert.equal(plain("]", "Digit9", held), "]");
    assert.equal(plain("#", "Digit3", held), "#", "French");
    assert.equal(plain("[", "Digit5", held), "[");
  }
  assert.equal(plain("[", "BracketLeft", { altGr: true, ctrlKey: true, altKey: true }), "[", "Spanish");
  assert.equal(plain("[", "Digit5", { altKey: true }), "[", "German, with Apple's Option key");
  assert.equal(plain("#", "Backslash"), "#");
});

test("what is commanded with Alt or Ctrl is told from what is typed", () => {
  const alt = { ctrl: false, alt: true, shift: false };
  assert.deepEqual(readKey(press("a", "KeyA", { altKey: true })), { key: "a", ...alt });
  assert.deepEqual(readKey(press("ArrowLeft", "ArrowLeft", { altKey: true })), { key: "ArrowLeft", ...alt });
  assert.deepEqual(readKey(press("ł", "KeyL", { altGr: true })), { key: "ł", ...alt }, "a letter typed with AltGr");
  assert.deepEqual(readKey(press("Enter", "Enter", { metaKey: true })), { key: "Enter", ctrl: true, alt: false, shift: false });
});

test("a key that is let go is told whatever is composed", () => {
  const listeners = {};
  const target = { addEventListener: (name, listener) => (listeners[name] = listener) };
  const payload = [];
  onRelease(target, (key) => payload.push(key));
  onKey(target, (pressed) => payload.push(pressed.key));
  listeners.keydown(press("р", "KeyH"));
  listeners.keydown(press("р", "KeyH", { isComposing: true }));
  listeners.keyup(press("р", "KeyH", { isComposing: true, keyCode: 229 }));
  assert.deepEqual(payload, ["h", "h"]);
});

test("a field is asked for by its element, and nothing outside of the document is one", () => {
  assert.equal(isField({}), false);
  assert.equal(isField({ closest: () => ({}) }), true);
});

test("no other part of the page listens to keys, or has a rule of its own for compositions", () => {
  const scripts = readdirSync(PAGE, { recursive: true }).filter((name) => /\.m?js$/.test(name) && !name.endsWith("keyboard.mjs"));
  assert.ok(scripts.length > 40);
  for (const name of scripts) {
    const source = readFileSync(join(PAGE, name), "utf8");
    assert.doesNotMatch(source, /["']key(down|up|press)["']|onkey(down|up|press)|\.isComposing|\.keyCode/, name);
  }
  const python = readdirSync(PAGE, { recursive: true }).filter((name) => name.endsWith(".py"));
  for (const name of python) assert.doesNotMatch(readFileSync(join(PAGE, name), "utf8"), /keydown/, name);
});
