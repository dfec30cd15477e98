import assert from "node:assert/strict";
import test from "node:test";

import {
  agreeWithRest,
  choose,
  countStandings,
  keyOf,
  nextToSee,
  numberOfOption,
  optionOf,
  optionOfNumber,
  OPTION_KEYS,
  shownOptions,
  standing,
  whenRested,
  writeShare,
} from "../../../magic_demo/page/panels/cards/cards.mjs";
import { withHeat } from "../../../magic_demo/page/panels/viewer/beside/why_heat.mjs";

const ONSET = { id: "CQID015", slots: 1, options: 7, none: 6 };
const SITE = { id: "CQID011", slots: 6, options: 8, none: 7 };
const COLOUR = { id: "CQID034", slots: 1, options: 12, none: 11 };

test("a card of one slot holds the last option chosen", () => {
  assert.deepEqual(choose(ONSET, [], 2), { selected: [2], full: false });
  assert.deepEqual(choose(ONSET, [2], 3), { selected: [3], full: false });
  assert.deepEqual(choose(ONSET, [3], 3), { selected: [3], full: false });
});

test("a card of several slots adds and takes away, in the options' order", () => {
  assert.deepEqual(choose(SITE, [4], 2).selected, [2, 4]);
  assert.deepEqual(choose(SITE, [2, 4], 2).selected, [4]);
  assert.deepEqual(choose(SITE, [4], 4).selected, []);
});

test("Not mentioned stands alone and makes room for the first label", () => {
  assert.deepEqual(choose(SITE, [0, 2], 7).selected, [7]);
  assert.deepEqual(choose(SITE, [7], 2).selected, [2]);
  assert.deepEqual(choose(SITE, [7], 7).selected, [7]);
});

test("no more labels are taken than there are slots, and it is said", () => {
  const six = [0, 1, 2, 3, 4, 5];
  assert.deepEqual(choose(SITE, six, 6), { selected: six, full: true });
  assert.deepEqual(choose(SITE, six, 3), { selected: [0, 1, 2, 4, 5], full: false });
  assert.deepEqual(choose(SITE, six, 7), { selected: [7], full: false });
});

test("a card is open, agrees, differs, or has no model to differ from", () => {
  assert.equal(standing([], [2]), "open");
  assert.equal(standing([2], [2]), "agree");
  assert.equal(standing([2, 4], [2]), "differ");
  assert.equal(standing([3], [2]), "differ");
  assert.equal(standing([3], []), "own");
  assert.deepEqual(countStandings(["open", "agree", "agree", "differ"]), { agree: 2, differ: 1, own: 0, open: 1 });
});

test("agreeing with the rest leaves what was answered and takes only what was not", () => {
  const models = { CQID015: { chosen: [2] }, CQID011: { chosen: [2, 4] }, CQID034: { chosen: [] } };
  const answers = { CQID015: [5], CQID011: [], CQID034: [] };
  const { taken, left } = agreeWithRest([ONSET, SITE, COLOUR], answers, models);
  assert.deepEqual([taken, left], [{ CQID011: [2, 4] }, 0]);
  taken.CQID011.push(0);
  assert.deepEqual(models.CQID011.chosen, [2, 4], "the model's answer is not the reader's list");
});

test("agreeing with the rest leaves open and counts what the model abstains on", () => {
  const models = { CQID015: { chosen: [2], unsure: true }, CQID011: { chosen: [2], unsure: true }, CQID034: { chosen: [3], unsure: false } };
  const { taken, left } = agreeWithRest([ONSET, SITE, COLOUR], { CQID011: [1] }, models);
  assert.deepEqual([taken, left], [{ CQID034: [3] }, 1], "what is answered is not left open");
});

test("the next card is an open one, one on which the model abstains before the others", () => {
  const open = Array(4).fill("open");
  assert.equal(nextToSee(open, [false, false, false, false], 0), 1);
  assert.equal(nextToSee(open, [false, false, false, true], 0), 3);
  assert.equal(nextToSee(["open", "agree", "differ", "open"], [true, true, false, false], 0), 0, "round the corner");
  assert.equal(nextToSee(["open", "agree", "agree", "open"], [false, true, false, false], 3), 0);
  assert.equal(nextToSee(["agree", "differ"], [true, true], 0), null);
  assert.equal(nextToSee(open, [false, false, false, false], -1), 0);
});

test("a folded card shows what anybody chose and the best scored", () => {
  const room = { most: 8, room: 5 };
  const shares = [0, 0.1, 0.02, 0.3, 0, 0.05, 0, 0, 0.01, 0, 0.2, 0.04];
  assert.deepEqual([...shownOptions(COLOUR, shares, [9], room)].sort((a, b) => a - b), [1, 3, 5, 9, 10]);
  assert.equal(shownOptions(ONSET, shares, [], room).size, 7, "short families are shown whole");
  assert.equal(shownOptions(COLOUR, null, [], room).size, 5);
  assert.ok(shownOptions({ ...COLOUR, slots: 9 }, shares.with(11, 1), [1, 2, 3, 4, 5, 6, 7], room).size === 7);
});

test("every option has a letter of its own that the viewer and the page do not use", () => {
  for (const family of [ONSET, SITE, COLOUR, { ...COLOUR, none: 0 }, { ...ONSET, none: -1 }]) {
    const keys = Array.from({ length: family.options }, (_, option) => keyOf(family, option));
    assert.equal(new Set(keys).size, family.options);
    keys.forEach((key, option) => assert.equal(optionOf(family, key), option));
  }
  assert.equal(optionOf(SITE, "z"), null);
  assert.equal(optionOf(SITE, ""), null);
  for (const taken of "vbepwzyxhm" + "anijk") assert.ok(!OPTION_KEYS.includes(taken), taken);
});

test("chances are percents that never claim certainty, scores have two digits", () => {
  assert.deepEqual([0, 0.004, 0.426, 0.996, 1].map((share) => writeShare(share, true)), ["0%", "<1%", "43%", ">99%", "100%"]);
  assert.equal(writeShare(0.426, false), "0.43");
});

test("what changes often is said once it rests, the latest only, and at once when asked", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const sent = [];
  const line = whenRested(300, (value) => sent.push(value));
  line.say(1);
  context.mock.timers.tick(200);
  line.say(2);
  context.mock.timers.tick(299);
  assert.deepEqual(sent, []);
  context.mock.timers.tick(1);
  assert.deepEqual(sent, [2]);
  line.say(3);
  line.flush();
  line.flush();
  assert.deepEqual(sent, [2, 3]);
  line.say(4);
  line.drop();
  context.mock.timers.tick(1000);
  assert.deepEqual(sent, [2, 3]);
});

test("a heat map lies below the outlines and in place of the shading", () => {
  const layers = [{ fill: "shade", heat: null, outline: "line", look: "model" }];
  assert.equal(withHeat(layers, null), layers);
  const [heat, outline] = withHeat(layers, "map");
  assert.equal(heat.heat, "map");
  assert.ok(heat.alpha > 0 && heat.outline === null);
  assert.deepEqual(outline, { fill: null, heat: null, outline: "line", look: "model" });
});

test("a number is the option that it is in steps from the lowest, and nothing beside them", () => {
  const scale = { min: -1, max: 2, step: 0.1 };
  assert.deepEqual(["-1", "0.3", "2", " 2 "].map((text) => optionOfNumber(scale, text)), [0, 13, 30, 30]);
  assert.deepEqual(["", " ", "0.35", "2.1", "-1.1", "x", "1e9"].map((text) => optionOfNumber(scale, text)), [null, null, null, null, null, null, null]);
  for (let option = 0; option <= 30; option++) assert.equal(optionOfNumber(scale, numberOfOption(scale, option)), option);
});
