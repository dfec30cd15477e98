// What is in no store is kept in the browser as it is made, offered on the next visit to the same reader, and gone when it should be.

import assert from "node:assert/strict";
import test from "node:test";

import { cleanName, fitNames, moved } from "../../../magic_demo/page/panels/case/unkept/arrange.mjs";
import { FRESH, hasWork, LASTS, MOST_BYTES } from "../../../magic_demo/page/panels/case/unkept/unkept.mjs";
import { browser, photo, uploaded } from "./drafts.mjs";

test("photos, answers, outlines and words are offered on the next visit, with the consent that was given", async () => {
  const world = browser();
  const work = await uploaded(world);
  world.words = { narrative: "since two weeks", prompt: "" };
  work.typed();
  await work.writing;
  assert.deepEqual(await world.tab().offers(), [], "it is open in that tab");
  world.closeTabs();
  const next = world.tab();
  const [offer] = await next.offers();
  const { draft, photos } = await next.adopt(offer.id);
  assert.deepEqual(photos.map(({ name }) => name), ["leg.jpg", "arm.jpg"]);
  assert.deepEqual([draft.answers, draft.masks, draft.narrative, draft.consent], [{ CQID010: [1] }, { leg: { width: 2, height: 2, runs: [0, 4] } }, "since two weeks", true]);
  assert.deepEqual(await next.offers(), [], "it is gone on with");
  next.shown("secret-2");
  next.note("secret-2", { answers: { CQID010: [2] } });
  await next.writing;
  assert.deepEqual((await world.store.all()).map(({ id, answers }) => [id, answers]), [[offer.id, { CQID010: [2] }]], "under the same name");
});

test("another case leaves the one before in the browser, and what comes late of it goes there", async () => {
  const world = browser();
  const work = await uploaded(world);
  work.begin({ example: 3 });
  work.shown("secret-2");
  work.note("secret-1", { answers: { CQID010: [5] } });
  await work.writing;
  const [offer, ...others] = await work.offers();
  assert.deepEqual([offer.answers, offer.example, others.length], [{ CQID010: [5] }, null, 0], "an example on which nothing was done is not kept");
  work.note("secret-2", { answers: { CQID011: [1] } });
  await work.writing;
  assert.deepEqual((await world.store.all()).map(({ example }) => example), [null, 3]);
});

test("photos are added to the open case, and begin another where an example was open", async () => {
  const world = browser();
  const work = await uploaded(world);
  work.addPhotos([photo("foot.jpg"), photo("notes.txt")]);
  work.shown("secret-1", [true, false]);
  assert.equal(work.current.photos, 3, "what is no photo is not kept");
  await work.writing;
  assert.deepEqual((await world.store.photosOf(work.current.id)).map(({ name }) => name), ["leg.jpg", "arm.jpg", "foot.jpg"]);
  work.begin({ example: 0 });
  work.addPhotos([photo("hand.jpg")]);
  work.shown("secret-2", [true]);
  assert.deepEqual([work.current.photos, work.current.example], [1, null]);
});

test("what was taken back to nothing is not offered", async () => {
  const world = browser();
  const work = world.tab();
  work.begin({ example: 1 });
  work.shown("secret-1");
  work.note("secret-1", { answers: { CQID010: [1] } });
  work.note("secret-1", { answers: { CQID010: [] } });
  await work.writing;
  assert.equal(world.store.drafts.size, 0);
  assert.equal(hasWork({ photos: 0, answers: { CQID010: [] }, masks: {}, narrative: "an example's", prompt: "", typed: false }), false);
});

test("a kept or discarded case leaves nothing, whatever comes late of it", async () => {
  const world = browser();
  const work = await uploaded(world);
  work.drop("secret-1");
  work.note("secret-1", { answers: { CQID010: [3] } });
  await work.writing;
  assert.deepEqual([world.store.drafts.size, world.store.photos.size, work.current], [0, 0, null]);
  const other = await uploaded(world, "secret-2");
  other.close();
  await other.writing;
  const [offer] = await other.offers();
  other.discard(offer.id);
  await other.writing;
  assert.deepEqual([world.store.drafts.size, world.store.photos.size], [0, 0]);
});

test("a covered photo never comes back uncovered", async () => {
  const world = browser();
  const work = await uploaded(world);
  work.cover("secret-1", 0, {});
  await work.writing;
  assert.deepEqual([...world.store.photos.values()].map(({ name }) => name), ["arm.jpg"], "gone before the server is done");
  world.closeTabs();
  const { draft, photos } = await world.tab().adopt(work.current.id);
  assert.deepEqual([photos.length, draft.answers], [1, { CQID010: [1] }], "the page went meanwhile: the rest is there");
  work.covered("secret-1", 0, { size: 2, covered: true });
  await work.writing;
  assert.deepEqual((await world.store.photosOf(work.current.id))[0].blob, { size: 2, covered: true });
});

test("a photo that could not be covered is kept as it was", async () => {
  const world = browser();
  const work = await uploaded(world);
  work.cover("secret-1", 1, {});
  work.covered("secret-1", 1, null);
  await work.writing;
  assert.deepEqual((await world.store.photosOf(work.current.id)).map(({ blob }) => blob.name), ["leg.jpg", "arm.jpg"]);
});

test("of an example's photo the covered area is kept, and forgotten where it was refused", async () => {
  const world = browser();
  const work = world.tab();
  work.begin({ example: 1 });
  work.shown("secret-1");
  work.note("secret-1", { answers: { CQID010: [1] } });
  work.cover("secret-1", 0, { photo: "P", area: [1] });
  await work.writing;
  assert.deepEqual((await world.store.all())[0].covers, [{ photo: "P", area: [1] }]);
  work.cover("secret-1", 0, { photo: "P", area: [2] });
  work.covered("secret-1", 0, null);
  await work.writing;
  assert.deepEqual((await world.store.all())[0].covers, [{ photo: "P", area: [1] }]);
});

test("a draft is its reader's alone, and nothing is written after signing out", async () => {
  const world = browser();
  world.reader = "ann";
  const work = await uploaded(world);
  world.closeTabs();
  world.reader = "bo";
  assert.deepEqual(await world.tab().offers(), []);
  assert.equal(await world.tab().adopt(work.current.id), null);
  work.note("secret-1", { answers: { CQID010: [4] } });
  await work.writing;
  assert.deepEqual((await world.store.all())[0].answers, { CQID010: [1] });
  world.reader = "ann";
  assert.equal((await world.tab().offers()).length, 1);
});

test("a draft is deleted a day after its last change", async () => {
  const world = browser();
  await uploaded(world);
  world.closeTabs();
  world.time += LASTS;
  assert.equal((await world.tab().offers()).length, 1);
  world.time += 1;
  assert.equal((await world.tab().offers()).length, 0);
  assert.deepEqual([world.store.drafts.size, world.store.photos.size], [0, 0]);
});

test("what changes while the page goes is there on the next visit, though its database heard nothing", async () => {
  const world = browser();
  const work = await uploaded(world);
  world.store.put = () => new Promise(() => {}); // the page has gone
  work.leave();
  world.time += 1;
  work.note("secret-1", { answers: { CQID010: [6] } });
  delete world.store.put;
  world.closeTabs();
  const next = world.tab();
  assert.deepEqual((await next.offers())[0].answers, { CQID010: [6] });
  assert.equal(world.late.kept.size, 0);
});

test("what was written a moment before the page went is there, though the browser took its database's word back", async () => {
  const world = browser();
  const work = await uploaded(world);
  const before = structuredClone((await world.store.all())[0]);
  world.time += 1;
  work.noteOfPhoto("secret-1", "masks", "leg", { width: 2, height: 1, runs: [1, 1] });
  await work.writing;
  world.time += FRESH - 1;
  work.leave();
  await world.store.put(before); // a transaction that was said to be complete, and was not
  world.closeTabs();
  assert.deepEqual(Object.keys((await world.tab().offers())[0].masks), ["leg"]);
});

test("what has long been written is not written again when the page goes", async () => {
  const world = browser();
  const work = await uploaded(world);
  world.time += FRESH;
  work.leave();
  assert.equal(world.late.kept.size, 0);
});

test("what was written late never overwrites what its own tab has gone on with", async () => {
  const world = browser();
  const work = await uploaded(world);
  world.time += 1;
  work.note("secret-1", { answers: { CQID010: [5] } });
  work.leave(); // hidden, and shown again
  work.stay();
  const offers = work.offers();
  world.time += 1;
  work.note("secret-1", { answers: { CQID010: [6] } });
  await offers;
  await work.writing;
  assert.deepEqual([(await world.store.all())[0].answers, world.late.kept.size], [{ CQID010: [6] }, 0]);
});

test("photos over the size, and a browser that keeps nothing, make the page ask before it is left", async () => {
  const world = browser();
  const work = world.tab();
  work.addPhotos([photo("a.jpg", MOST_BYTES), photo("b.jpg", 1)]);
  work.shown("secret-1", [true, true]);
  await work.writing;
  assert.equal(work.unsafe, true);
  assert.deepEqual([world.store.drafts.size, world.store.photos.size], [0, 0]);
  work.begin();
  assert.equal(work.unsafe, false, "nothing was done yet");
  world.store.fails = true;
  work.shown("secret-2");
  work.note("secret-2", { answers: { CQID010: [1] } });
  await work.writing;
  assert.equal(work.unsafe, true);
});

test("photos whose draft was never written are cleaned away", async () => {
  const world = browser();
  await world.store.putPhoto("gone", 0, photo("leg.jpg"));
  await uploaded(world);
  world.closeTabs();
  await world.tab().offers();
  assert.deepEqual([...world.store.photos.values()].map(({ name }) => name), ["leg.jpg", "arm.jpg"]);
  assert.ok(![...world.store.photos.keys()].some((key) => key.startsWith("gone")));
});

test("photos of one's own are reordered, renamed and removed with their outlines", async () => {
  const world = browser();
  const work = await uploaded(world);
  assert.equal(work.arranges(2), true);
  const photos = work.photosAs([1, 0], ["arm", "shin"]);
  assert.deepEqual(photos.map(({ name }) => name), ["arm.jpg", "shin.jpg"]);
  work.noteOfPhoto("secret-1", "rulers", "leg", { known: [0, 0, 9, 0], mm: 10, lines: [] });
  const draft = work.arrange(["leg", "arm"], [1, 0], ["arm", "shin"], photos);
  assert.deepEqual([Object.keys(draft.masks), Object.keys(draft.rulers)], [["shin"], ["shin"]]);
  work.shown("secret-2");
  work.noteOfPhoto("secret-1", "masks", "leg", { width: 2, height: 2, runs: [0, 4] }); // late, of the case as it was
  await work.writing;
  const [kept] = await world.store.all();
  assert.deepEqual([kept.photos, Object.keys(kept.masks), kept.answers], [2, ["shin"], { CQID010: [1] }]);
  assert.deepEqual((await world.store.photosOf(kept.id)).map(({ name }) => name), ["arm.jpg", "shin.jpg"]);

  work.arrange(["arm", "shin"], [0], ["arm"], work.photosAs([0], ["arm"]));
  await work.writing;
  const [less] = await world.store.all();
  assert.deepEqual([less.photos, less.masks], [1, {}]);
  assert.deepEqual((await world.store.photosOf(less.id)).map(({ name }) => name), ["arm.jpg"]);
});

test("an example's photos, and those of a page that has not got them, are not arranged", async () => {
  const world = browser();
  const work = world.tab();
  assert.equal(work.arranges(0), false);
  work.begin({ example: 1 });
  assert.equal(work.arranges(1), false);
});

test("photos are called what the server leaves as it is, in any order", () => {
  const long = "x".repeat(60);
  assert.deepEqual(fitNames(["a", "a", long, `${long} (2)`]).map((name) => name.length), [1, 5, 60, 59]);
  assert.equal(new Set(fitNames([`${long} (2)`, long, long])).size, 3);
  assert.equal(cleanName(" my/arm\u200e ", []), "myarm");
  assert.equal(cleanName(`${"x".repeat(59)} y`, []), "x".repeat(59));
  assert.equal(cleanName("arm", ["arm"]), null);
  assert.equal(cleanName("  ", []), null);
  assert.deepEqual(moved(3, 2, -1), [0, 2, 1]);
  assert.equal(moved(3, 2, 1), null);
});

test("that a model was asked is kept with the draft, once, and never forgotten by what changes later", async () => {
  const world = browser();
  const work = await uploaded(world);
  assert.equal([...world.store.drafts.values()][0].asked, false);
  work.asked("secret-1"); // by a point in the photo
  work.note("secret-1", { answers: {}, specified: {}, analysed: false });
  await work.writing;
  assert.equal([...world.store.drafts.values()][0].asked, true);
  world.closeTabs();
  const [offer] = await world.tab().offers();
  assert.equal((await world.tab().adopt(offer.id)).draft.asked, true);

  const other = await uploaded(browser(), "secret-2");
  other.asked(); // by the button, of the open case
  other.asked("of another case");
  assert.equal(other.current.asked, true);
});
