// Pasted and dropped pictures become photos only where they came alone; what of them could not be sent is told.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bringsPhotos, droppedPhotos, pastedPhotos } from "../../magic_demo/page/panels/case/incoming.mjs";
import { sendPhoto } from "../../magic_demo/page/panels/case/photo_intake.mjs";

const PICTURE = { name: "image.png" };
const page = { closest: () => null };
const field = { closest: () => ({}) };

/** What lies on the clipboard, or is dragged: files, and texts by type. */
function transfer(files, texts = {}) {
  return { files, types: [...Object.keys(texts), ...(files.length ? ["Files"] : [])], getData: (type) => texts[type] ?? "" };
}
const pasted = (files, texts, target = page) => pastedPhotos({ target, clipboardData: transfer(files, texts) });
const dropped = (files, texts, within = false) => droppedPhotos({ target: page, dataTransfer: transfer(files, texts) }, within);

test("a screenshot is a photo", () => {
  assert.deepEqual(pasted([PICTURE]), [PICTURE]);
  assert.deepEqual(pasted([PICTURE], { "text/plain": "", "text/html": "" }), [PICTURE]);
});

test("the picture that an office program adds to its text is left alone", () => {
  assert.deepEqual(pasted([PICTURE], { "text/plain": "red patch", "text/html": "<p>red patch</p>", "text/rtf": "{\\rtf1 red patch}" }), []);
  assert.deepEqual(pasted([PICTURE], { "text/plain": "1\t2\n3\t4", "text/html": "<table><tr><td>1</td></tr></table>" }), []);
  assert.deepEqual(pasted([PICTURE], { "text/rtf": "{\\rtf1 red patch}" }), []);
  assert.deepEqual(pasted([PICTURE], { "text/html": "<b>red patch</b>" }), []);
  assert.deepEqual(pasted([PICTURE], { "text/plain": "# heading" }), []);
});

test("a picture that is copied alone is a photo, in whatever it is wrapped", () => {
  const html = '<html><head><style>p { color: red }</style></head><body><!--StartFragment--><img src="x.png" alt="a mole">\n<!--EndFragment--></body></html>';
  assert.deepEqual(pasted([PICTURE], { "text/html": html }), [PICTURE]);
});

test("files of a file manager are photos though their names are there as text", () => {
  const files = [{ name: "arm 1.jpg" }, { name: "bein\u0308.jpg" }];
  assert.deepEqual(pasted(files, { "text/plain": "arm 1.jpg\nbein\u0308.jpg" }), files);
  assert.deepEqual(pasted([files[0]], { "text/plain": "/home/ann/arm 1.jpg", "text/uri-list": "file:///home/ann/arm%201.jpg" }), [files[0]]);
  assert.deepEqual(pasted([files[0]], { "text/plain": "see arm 1.jpg" }), []);
});

test("nothing that is pasted into a field becomes a photo", () => {
  assert.deepEqual(pasted([PICTURE], {}, field), []);
});

test("links, texts and the page's own pictures that are dragged are no photos", () => {
  assert.deepEqual(dropped([], { "text/plain": "words" }), []);
  assert.deepEqual(dropped([PICTURE], { "text/uri-list": "https://example.org/a.png", "text/html": '<a href="a"><img src="a.png"></a>' }), []);
  assert.deepEqual(dropped([PICTURE], {}, true), [], "it began on this page");
  assert.deepEqual(dropped([PICTURE]), [PICTURE]);
  assert.equal(bringsPhotos({ dataTransfer: transfer([PICTURE]) }, false), true);
  assert.equal(bringsPhotos({ dataTransfer: transfer([PICTURE]) }, true), false);
  assert.equal(bringsPhotos({ dataTransfer: transfer([PICTURE], { "text/html": "<img>" }) }, false), false);
});

test("why a photo did not arrive is told in English, which the server says in both languages", async (context) => {
  const answers = [new Response("too many photos at once; wait a moment and add the rest", { status: 429 })];
  context.mock.method(globalThis, "fetch", async () => answers.pop() ?? Promise.reject(new TypeError("no connection")));
  assert.deepEqual(await sendPhoto(PICTURE), { lost: "image.png", reason: "too many photos at once; wait a moment and add the rest" });
  assert.deepEqual(await sendPhoto(PICTURE), { lost: "image.png", reason: "it could not be sent; try again" });
});
