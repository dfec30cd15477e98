// What is in no store stays with its own case, photo and reader, in whatever order things come.

import assert from "node:assert/strict";
import test from "node:test";

import { hasWork } from "../../../magic_demo/page/panels/case/unkept/unkept.mjs";
import { browser, photo, uploaded } from "./drafts.mjs";

const drafts = async (world) => new Map((await world.store.all()).map((draft) => [draft.began, draft]));

test("remarks and a prompt are work, an empty field is none", () => {
  const nothing = { photos: 0, answers: {}, masks: {}, narrative: "", prompt: "", typed: true };
  assert.equal(hasWork(nothing), false);
  assert.equal(hasWork({ ...nothing, remarks: { leg: [[1, 2, "scar"]] } }), true);
  assert.equal(hasWork({ ...nothing, prompt: "mole" }), true);
});

test("what is offered is the newest first", async () => {
  const world = browser();
  await uploaded(world);
  world.time += 10;
  await uploaded(world, "secret-2");
  world.closeTabs();
  assert.deepEqual((await world.tab().offers()).map(({ changed }) => changed), [1_000_010, 1_000_000]);
});

test("an outline that is taken back leaves those of the other photos", async () => {
  const world = browser();
  const work = await uploaded(world);
  work.noteOfPhoto("secret-1", "masks", "arm", { width: 2, height: 2, runs: [1, 3] });
  assert.deepEqual(Object.keys(work.current.masks), ["leg", "arm"]);
  work.noteOfPhoto("secret-1", "masks", "leg", null);
  assert.deepEqual(Object.keys(work.current.masks), ["arm"]);
});

test("photos of a case that another tab is just opening are not cleaned away", async () => {
  const world = browser();
  world.store.hold("opening");
  await world.store.putPhoto("opening", 0, photo("leg.jpg"));
  await world.tab().offers();
  assert.equal(world.store.photos.size, 1);
});

test("a case that is said to be shown once another has begun takes nothing of the new one", async () => {
  const world = browser();
  const work = await uploaded(world);
  world.time += 10;
  work.begin({ example: 3 });
  work.shown("secret-1");
  work.note("secret-1", { answers: { CQID010: [5] } });
  work.shown("secret-2");
  work.note("secret-2", { answers: { CQID010: [6] } });
  await work.writing;
  assert.deepEqual([...(await drafts(world)).values()].map(({ answers }) => answers.CQID010), [[5], [6]]);
});

test("what comes late of a case keeps that case's words, not those in the fields now", async () => {
  const world = browser();
  world.words = { narrative: "the first", prompt: "" };
  const work = await uploaded(world);
  world.time += 10;
  work.begin({ example: 3 });
  world.words = { narrative: "the second", prompt: "" };
  work.note("secret-1", { answers: { CQID010: [5] } });
  await work.writing;
  assert.equal((await drafts(world)).get(1_000_000).narrative, "the first");
});

test("photos that were sent one after another are accepted in that order", async () => {
  const world = browser();
  const work = world.tab();
  work.addPhotos([photo("leg.jpg")]);
  work.addPhotos([photo("arm.jpg"), photo("notes.txt")]);
  work.shown("secret-1", [true]);
  work.shown("secret-1", [true, false]);
  await work.writing;
  assert.deepEqual((await world.store.photosOf(work.current.id)).map(({ name }) => name), ["leg.jpg", "arm.jpg"]);
});

test("where a photo got lost on its way, nothing is offered that might hold another one in its place", async () => {
  const world = browser();
  const work = world.tab();
  work.addPhotos([photo("leg.jpg"), photo("arm.jpg")]);
  work.shown("secret-1", [true]);
  await work.writing;
  assert.deepEqual([work.unsafe, world.store.drafts.size], [true, 0]);
});

test("what waits for a photo to be covered goes on when the best copy is here, and not for ever", async (context) => {
  const world = browser();
  const work = await uploaded(world);
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const end = async (openId) => {
    const ends = work.coversEnd(openId, 1000);
    await new Promise((resolve) => { setImmediate(resolve); });
    context.mock.timers.tick(1000);
    return ends;
  };
  work.cover("secret-1", 0, {});
  assert.deepEqual([await end("secret-1"), await end("secret")], [false, true]);
  work.covered("secret-1", 0, { size: 2 }, false);
  assert.equal(await end("secret-1"), false, "a better one comes");
  const ends = work.coversEnd("secret-1", 1000);
  work.covered("secret-1", 0, { size: 2 });
  assert.deepEqual([await ends, await end("secret-1")], [true, true]);
});

test("of an example the browser keeps no photo: it is the program's own", async () => {
  const work = await uploaded(browser());
  work.begin({ example: 1 });
  work.shown("secret-2");
  assert.deepEqual([work.holds("secret-1"), work.holds("secret-2"), work.holds("another")], [true, false, false]);
});

test("photos that are added where one was lost while it was covered replace none of the rest", async () => {
  const world = browser();
  const work = await uploaded(world);
  work.cover("secret-1", 0, {});
  await work.writing;
  world.closeTabs();
  const next = world.tab();
  await next.adopt(work.current.id);
  next.addPhotos([photo("foot.jpg")]);
  next.shown("secret-2", [true]);
  await next.writing;
  assert.deepEqual((await world.store.photosOf(next.current.id)).map(({ name }) => name), ["arm.jpg", "foot.jpg"]);
});

test("outlines of every label, and comments, go with their photo when it is renamed", async () => {
  const world = browser();
  const work = await uploaded(world);
  work.noteOfPhoto("secret-1", "masks", "SCALE/leg", { width: 2, height: 2, runs: [1, 3] });
  work.noteOfPhoto("secret-1", "remarks", "leg", [[1, 2, "scar"]]);
  const draft = work.arrange(["leg", "arm"], [1, 0], ["arm", "shin"], work.photosAs([1, 0], ["arm", "shin"]));
  assert.deepEqual([Object.keys(draft.masks).sort(), draft.remarks], [["SCALE/shin", "shin"], { shin: [[1, 2, "scar"]] }]);
});

test("photos are arranged only where this page has every one of them", async () => {
  const work = await uploaded(browser());
  assert.deepEqual([work.arranges(1), work.arranges(3), work.photosAs([0, 2], ["a", "b"])], [false, false, null]);
});

test("a case that was kept or discarded does not come back with what was written as the page was hidden", async () => {
  const world = browser();
  const work = await uploaded(world);
  work.leave();
  work.drop("secret-1");
  await work.writing;
  world.closeTabs();
  assert.deepEqual([await world.tab().offers(), world.late.kept.size], [[], 0]);
});

test("as the page goes, nothing is written of somebody who has signed out, or of a case with nothing in it", async () => {
  const world = browser();
  world.reader = "ann";
  const work = await uploaded(world);
  world.reader = "bo";
  work.leave();
  assert.equal(world.late.kept.size, 0);
  work.stay();
  work.begin({ example: 1 });
  work.leave();
  assert.equal(world.late.kept.size, 0);
});

test("what was written late gives way to what another tab has written since", async () => {
  const world = browser();
  const work = await uploaded(world);
  work.leave();
  const [draft] = await world.store.all();
  await world.store.put({ ...draft, changed: draft.changed + 1, answers: { CQID010: [9] } });
  world.closeTabs();
  assert.deepEqual((await world.tab().offers())[0].answers, { CQID010: [9] });
});

test("what was written late of photos that the browser has not got is not offered", async () => {
  const world = browser();
  const work = await uploaded(world);
  work.leave();
  await world.store.remove(work.current.id);
  world.closeTabs();
  assert.deepEqual(await world.tab().offers(), []);
});
