// How much of a pasted text a field takes is counted as the browser counts it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cutAfter } from "../../magic_demo/page/panels/frame/pasted_text.mjs";

/** A field of ten characters that holds a text, of which the part from start to end is selected. */
const field = (value = "", start = value.length, end = start, tagName = "TEXTAREA") => {
  return { tagName, value, maxLength: 10, selectionStart: start, selectionEnd: end };
};

test("what fits is not cut", () => {
  assert.equal(cutAfter("", field()), null);
  assert.equal(cutAfter("0123456789", field()), null);
  assert.equal(cutAfter("56789", field("01234")), null);
});

test("what is left in the field says where the text is cut", () => {
  assert.equal(cutAfter("0123456789a", field()), 10);
  assert.equal(cutAfter("56789a", field("01234", 0)), 5);
  assert.equal(cutAfter("a", field("0123456789")), 0);
  assert.equal(cutAfter("a", field("more than the ten that fit")), 0);
});

test("a selection gives way to what is pasted", () => {
  assert.equal(cutAfter("abc", field("0123456789", 2, 5)), null);
  assert.equal(cutAfter("abcd", field("0123456789", 2, 5)), 3);
});

test("the ends of lines count as the field holds them", () => {
  assert.equal(cutAfter("0123\r\n6789", field()), null);
  assert.equal(cutAfter("0123456789\n", field()), 10);
  assert.equal(cutAfter("0123456789\r\n", field("", 0, 0, "INPUT")), null, "a field of one line drops the last of them");
});

test("no half of a character is taken", () => {
  assert.equal(cutAfter("012345678😀", field()), 9);
  assert.equal(cutAfter("01234567😀a", field()), 10);
});
