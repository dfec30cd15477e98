// What the server says of a case that the page has left meanwhile comes too late.

import assert from "node:assert/strict";
import { test } from "node:test";

import { followOpenings } from "../../magic_demo/page/panels/frame/openings.mjs";

test("a case that was left is late, and the one that is open, or empty, never is", () => {
  const isLate = followOpenings();
  assert.deepEqual([null, "a", "a", "a", "b", "a", "b", null, "b", "a", null, "c"].map(isLate), [false, false, false, false, false, true, false, false, true, true, false, false]);
});

test("each part of the page follows by itself", () => {
  const [one, other] = [followOpenings(), followOpenings()];
  one("a");
  one("b");
  assert.equal(other("a"), false);
  assert.equal(one("a"), true);
});
