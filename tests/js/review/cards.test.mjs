import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import {
  agreeWithRest,
  choose,
  contradiction,
  countStandings,
  nextToSee,
  numberOfOption,
  optionOfNumber,
  standing,
  stepSystem,
  whenRested,
  writeShare,
} from "../../../magic_demo/page/panels/cards/cards.mjs";
import { keysOf, RESERVED } from "../../../magic_demo/page/panels/cards/option_keys.mjs";
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
  assert.deepEqual(choose({ ...SITE, options: 20 }, [2, 15], 10).selected, [2, 10, 15]);
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
  assert.equal(standing([2], [2, 4]), "differ");
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

const QUESTIONS = JSON.parse(readFileSync(new URL("../../../magic_demo/questions/questions.json", import.meta.url), "utf8"));
const keysByLabel = (id) => {
  const labels = QUESTIONS.find((family) => family.family_id === id).options.en;
  const none = labels.indexOf("Not mentioned");
  return Object.fromEntries(keysOf(labels, none).map((key, option) => [labels[option], key]));
};

test("every option has a letter of its own label, and none of those that mean the same everywhere", () => {
  for (const { family_id: id } of QUESTIONS) {
    const keys = keysByLabel(id);
    assert.equal(new Set(Object.values(keys)).size, Object.keys(keys).length, id);
    for (const [label, key] of Object.entries(keys)) {
      if (label === "Not mentioned") assert.equal(key, ".");
      else assert.ok(label.includes(key) && key && !RESERVED.includes(key), `${id} ${label}: ${key}`);
    }
  }
  const { red, brown, pink, white } = keysByLabel("CQID034");
  assert.deepEqual([red, brown, pink, white, keysByLabel("CQID020").crust, keysByLabel("CQID035").single], ["r", "b", "p", "w", "c", "s"]);
});

test("labels without Latin letters, and more than there are, still have keys as long as letters last", () => {
  assert.deepEqual(keysOf(["头部", "颈部", "Not mentioned"], 2), ["b", "c", "."]);
  const many = keysOf(Array.from({ length: 30 }, () => "red"), -1);
  assert.equal(many[0], "r");
  assert.equal(new Set(many.filter(Boolean)).size, 26 - RESERVED.length);
});

test("a letter that the question file names is its option's, and nobody else's", () => {
  assert.deepEqual(keysOf(["red", "rough", "brown"], -1, ["", "r", ""]), ["e", "r", "b"]);
  assert.deepEqual(keysOf(["red", "Not mentioned"], 1, ["q", "m"]), ["q", "m"]);
});

test("a card says where the outline in view is measured otherwise than it is answered", () => {
  assert.equal(contradiction("count", ["single"], { count: 5 }), "several");
  assert.equal(contradiction("count", ["multiple (please specify)"], { count: 1 }), "one");
  assert.equal(contradiction("count", ["multiple (please specify)"], { count: 5 }), null);
  assert.equal(contradiction("count", ["Not mentioned"], { count: 5 }), null);
  assert.equal(contradiction("colour", ["combination (please specify)"], { colour: "brown" }), "colour");
  assert.equal(contradiction("colour", ["combination (please specify)"], { colour: "combination" }), null);
  assert.equal(contradiction("colour", ["brown"], { colour: null }), null);
  assert.equal(contradiction("colour", [], { colour: "red" }), null);
  assert.equal(contradiction("colour", ["red"], null), null);
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

test("a step goes round the systems that speak of the case", () => {
  const systems = { one: true, two: false, three: true };
  assert.equal(stepSystem(systems, "one", 1), "three");
  assert.equal(stepSystem(systems, "three", 1), "one");
  assert.equal(stepSystem(systems, "one", -1), "three");
  assert.equal(stepSystem(systems, "two", 1), "one");
});

test("one system alone leaves nothing to step to", () => {
  assert.equal(stepSystem({ one: true, two: false }, "one", 1), null);
  assert.equal(stepSystem({}, null, 1), null);
});
