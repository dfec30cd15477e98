import assert from "node:assert/strict";
import test from "node:test";

import { journal } from "../../magic_demo/page/panels/frame/keys/journal.mjs";
import { islandAt } from "../../magic_demo/page/panels/viewer/masks/islands.mjs";
import { toRuns } from "../../magic_demo/page/panels/viewer/masks/runs.mjs";
import { Editor } from "../../magic_demo/page/panels/viewer/tools/editor.mjs";
import { pointTool } from "../../magic_demo/page/panels/viewer/tools/point_tool.mjs";

globalThis.OffscreenCanvas = class {
  getContext() {
    return { createImageData: (across, down) => ({ data: new Uint8ClampedArray(4 * across * down) }), putImageData() {} };
  }
};

const start = globalThis.setTimeout;
globalThis.setTimeout = (...how) => start(...how).unref(); // an answer that no test gives is not waited for at the end

const PHOTO = { name: "arm", width: 20, height: 10 };
const RIGHT = { button: 2 };
let cases = 0;

/** A viewer without a canvas: what was asked and said, and the tool over a true editor and the page's journal. */
function openDesk(model = null) {
  const id = `case ${cases++}`;
  const desk = { asked: [], words: [], busy: null, kind: "add", shapes: [], tool: "point" };
  const nothing = () => {};
  const editor = new Editor({
    photo: () => PHOTO, modelMask: () => model, journal, openId: () => id, reach: () => PHOTO, part: nothing, redraw: nothing,
    changed: () => desk.point?.settled(), say: (word) => desk.words.push(word),
  });
  journal.open(id);
  desk.point = pointTool(
    {
      editor, photo: () => PHOTO, reach: () => PHOTO, openId: () => id, view: () => ({ scale: 10 }), toPhoto: (point) => point, pointKind: () => desk.kind,
      pointing: () => desk.tool === "point", pointsShown: (count) => (desk.count = count), busy: (busy) => (desk.busy = busy), say: (word) => desk.words.push(word),
      sketch: { show: (shapes) => (desk.shapes = shapes) },
    },
    (asked) => desk.asked.push(asked),
  );
  const click = (x, y, event = null) => {
    desk.point.start({ x, y }, event);
    desk.point.end();
  };
  const drag = (from, to) => {
    desk.point.start(from, null);
    desk.point.move([to]);
    desk.point.end();
  };
  const answer = (mask, request = desk.asked.at(-1).request) => desk.point.answer({ photo: "arm", request, width: 20, height: 10, runs: toRuns(mask) });
  const runs = () => editor.state(PHOTO).runs();
  return Object.assign(desk, { editor, click, drag, answer, runs, marks: () => editor.state(PHOTO).marks });
}

/** A mask of the photo that is lesion from column `from` to before `to`, in every row. */
const band = (from, to) => Uint8Array.from({ length: 200 }, (_, i) => (i % 20 >= from && i % 20 < to ? 1 : 0));

test("a click asks with what is outlined, and the answer is the outline, undone point by point", () => {
  const desk = openDesk(band(2, 4));
  desk.click(10, 5);
  assert.deepEqual(desk.asked[0].clicks, [["lesion", 0.5, 0.5]]);
  assert.deepEqual(desk.asked[0].before, toRuns(band(2, 4)), "the model's outline as it is shown is what is corrected");
  assert.deepEqual([desk.busy, desk.runs()], [true, null]);
  desk.answer(band(2, 12));
  desk.click(3, 5, RIGHT);
  assert.deepEqual(desk.asked[1].clicks, [["lesion", 0.5, 0.5], ["skin", 0.15, 0.5]]);
  assert.deepEqual(desk.asked[1].before, toRuns(band(2, 12)));
  desk.answer(band(8, 12));
  assert.deepEqual([desk.busy, desk.count, desk.marks().length], [false, 2, 2]);
  journal.undo();
  assert.deepEqual([desk.runs(), desk.marks(), desk.count], [toRuns(band(2, 12)), [["lesion", 0.5, 0.5]], 1]);
  journal.undo();
  assert.deepEqual([desk.runs(), desk.marks(), desk.count], [null, [], 0]);
  journal.redo();
  journal.redo();
  assert.deepEqual([desk.runs(), desk.count, desk.asked.length], [toRuns(band(8, 12)), 2, 2], "nothing is asked twice");
});

test("right click, Alt, Control and the toggle take away; outside of the photo nothing is set", () => {
  for (const event of [RIGHT, { altKey: true }, { ctrlKey: true }]) {
    const desk = openDesk();
    desk.click(3, 5, event);
    assert.equal(desk.asked[0].clicks[0][0], "skin");
  }
  const desk = openDesk();
  desk.kind = "subtract";
  desk.click(3, 5);
  assert.equal(desk.asked[0].clicks[0][0], "skin");
  desk.click(-1, 5);
  assert.equal(desk.asked.length, 1);
  desk.answer(band(0, 2));
  assert.equal(desk.count, 1);
});

test("one question is on its way at a time: what is clicked meanwhile is asked next, and nothing is lost", () => {
  const desk = openDesk();
  for (const x of [2, 30, 10]) desk.click(x, 5);
  assert.equal(desk.asked.length, 1);
  desk.answer(band(0, 5));
  assert.deepEqual(desk.asked.map(({ clicks }) => clicks.length), [1, 2]);
  desk.answer(band(0, 12), 2);
  assert.deepEqual([desk.runs(), desk.busy], [toRuns(band(0, 12)), false]);
});

test("a point is dragged, and a click on it takes it away; both can be undone", () => {
  const desk = openDesk();
  desk.click(3, 5);
  desk.answer(band(0, 5));
  desk.drag({ x: 3, y: 5 }, { x: 15, y: 5 });
  assert.deepEqual([desk.asked[1].clicks, desk.asked[1].before], [[["lesion", 0.75, 0.5]], null], "anew from what the correction began with");
  desk.answer(band(12, 18));
  desk.click(15, 5);
  assert.deepEqual([desk.runs(), desk.count, desk.asked.length], [null, 0, 2], "without a point the outline is what it was");
  journal.undo();
  assert.deepEqual(desk.runs(), toRuns(band(12, 18)));
  journal.undo();
  assert.deepEqual([desk.runs(), desk.marks()], [toRuns(band(0, 5)), [["lesion", 0.15, 0.5]]]);
});

test("a drag is a box; another box, or a click outside of it, is another lesion", () => {
  const desk = openDesk();
  desk.drag({ x: 2, y: 1 }, { x: 12, y: 9 });
  assert.deepEqual(desk.asked[0].clicks, [["box", 0.1, 0.1, 0.6, 0.9]]);
  desk.answer(band(3, 8));
  desk.click(11, 8, RIGHT);
  assert.deepEqual(desk.asked[1].clicks.map(([kind]) => kind), ["box", "skin"]);
  desk.answer(band(3, 7));
  desk.click(18, 5);
  assert.deepEqual([desk.asked[2].clicks, desk.asked[2].before], [[["lesion", 0.9, 0.5]], toRuns(band(3, 7))]);
  desk.answer(Uint8Array.from(band(3, 7), (one, i) => one | band(16, 20)[i]));
  assert.deepEqual(desk.marks().map(([kind]) => kind), ["box", "skin", "lesion"], "what was clicked before is kept");
  desk.drag({ x: 8, y: 1 }, { x: 18, y: 9 });
  assert.deepEqual(desk.asked[3].clicks, [["box", 0.4, 0.1, 0.9, 0.9]]);
});

test("a point to which nothing follows, or no answer came, goes again and is said; those around it stay", () => {
  for (const [found, word] of [[{ nothing: true }, "point-nothing"], [{ problem: "no" }, "point-failed"]]) {
    const desk = openDesk();
    desk.click(3, 5);
    desk.answer(band(0, 5));
    desk.click(15, 5);
    desk.point.answer({ photo: "arm", request: 2, ...found });
    assert.deepEqual([desk.words, desk.count, desk.runs(), desk.busy], [[word], 1, toRuns(band(0, 5)), false]);
    journal.undo();
    assert.equal(desk.runs(), null, "no step is left of it");
  }
});

test("a point to which nothing follows leaves what was undone before to be done again", () => {
  const desk = openDesk();
  desk.click(3, 5);
  desk.answer(band(0, 5));
  journal.undo();
  desk.click(15, 5);
  assert.equal(journal.redo(), false);
  desk.point.answer({ photo: "arm", request: 2, nothing: true });
  journal.redo();
  assert.deepEqual(desk.runs(), toRuns(band(0, 5)));
});

test("a point that is refused takes those that were set meanwhile not with it", () => {
  const desk = openDesk();
  desk.click(3, 5);
  desk.drag({ x: 14, y: 5 }, { x: 14, y: 5 });
  desk.point.answer({ photo: "arm", request: 1, nothing: true });
  assert.deepEqual(desk.asked[1].clicks.length, 2);
  desk.answer(band(13, 15));
  assert.deepEqual(desk.runs(), toRuns(band(13, 15)));
  journal.undo();
  assert.equal(desk.runs(), null);
});

test("an answer that comes after a newer edit, or of another case, changes nothing", () => {
  const desk = openDesk();
  desk.click(3, 5);
  desk.editor.take(PHOTO, { runs: toRuns(band(15, 19)) });
  desk.answer(band(0, 5));
  assert.deepEqual([desk.runs(), desk.count, desk.busy], [toRuns(band(15, 19)), 0, false]);
  desk.click(3, 5);
  desk.point.leave();
  desk.answer(band(0, 5));
  desk.point.answer({ photo: "leg", request: 2, runs: toRuns(band(0, 5)) });
  assert.deepEqual([desk.runs(), desk.busy], [toRuns(band(15, 19)), false]);
});

test("what is accepted stays, its points go from sight and come back with undo", () => {
  const desk = openDesk();
  desk.click(3, 5);
  desk.answer(band(0, 5));
  desk.click(15, 5);
  desk.answer(band(0, 18));
  desk.point.leave();
  assert.deepEqual([desk.count, desk.runs(), desk.marks().length], [0, toRuns(band(0, 18)), 2]);
  journal.undo();
  assert.deepEqual([desk.count, desk.runs()], [1, toRuns(band(0, 5))]);
  desk.tool = "brush";
  journal.redo();
  assert.deepEqual([desk.count, desk.runs()], [0, toRuns(band(0, 18))], "with another tool in hand only the outline is told");
});

test("an outline of which nothing is left is taken back, and so is what it was clicked from", () => {
  const desk = openDesk(band(2, 4));
  desk.click(3, 5, RIGHT);
  desk.answer(new Uint8Array(200));
  assert.deepEqual([desk.runs(), desk.marks()], [null, []]);
  desk.editor.take(PHOTO, { runs: [200], clicks: [] });
  desk.click(3, 5);
  desk.answer(band(2, 4));
  journal.undo();
  assert.deepEqual(desk.runs(), [200], "no lesion here was said before, and is said again");
});

test("other edits keep what the outline was clicked from, Clear and undo aside", () => {
  const desk = openDesk();
  desk.click(3, 5);
  desk.answer(band(0, 5));
  desk.editor.change("grow");
  assert.equal(desk.marks().length, 1);
  desk.editor.change("clear");
  assert.deepEqual(desk.marks(), []);
  journal.undo();
  assert.equal(desk.marks().length, 1);
});

test("one click takes an island away, or all others", () => {
  const both = Uint8Array.from(band(1, 4), (one, i) => one | band(10, 15)[i]);
  for (const [kind, left] of [["remove", band(10, 15)], ["keep", band(1, 4)]]) {
    const desk = openDesk(both);
    desk.kind = kind;
    desk.click(2, 5);
    assert.deepEqual([desk.runs(), desk.asked.length], [toRuns(left), 0]);
    journal.undo();
    assert.equal(desk.runs(), null);
  }
  const desk = openDesk();
  desk.kind = "remove";
  desk.click(2, 5);
  assert.deepEqual([desk.runs(), desk.words], [null, ["island-none"]]);
});

test("an island hangs together at corners too, and is found where a finger is near it", () => {
  const mask = Uint8Array.from("#...#" + ".#..." + "..#.." + "....#", (one) => Number(one === "#"));
  const island = (x, y, near) => {
    const found = islandAt(mask, 5, 4, { x, y }, near);
    return found && Array.from(found, (one, i) => (one ? i : -1)).filter((i) => i >= 0).join(" ");
  };
  assert.equal(island(0.5, 0.5, 1), "0 6 12");
  assert.equal(island(4.5, 2.4, 1), "19");
  assert.equal(island(3.4, 0.5, 1), "4");
  assert.equal(island(0.5, 3.5, 0.5), null);
});

test("an answer that has clicks left to look at is asked for again, as long as they become fewer", () => {
  const desk = openDesk();
  const leave = (left) => desk.point.answer({ photo: "arm", request: desk.asked.at(-1).request, left });
  desk.click(3, 5);
  leave(12);
  leave(4);
  assert.deepEqual(desk.asked.map(({ request }) => request), [1, 2, 3]);
  assert.deepEqual([desk.asked[2].clicks, desk.busy, desk.count], [desk.asked[0].clicks, true, 1]);
  desk.answer(band(0, 5));
  assert.deepEqual([desk.runs(), desk.busy, desk.words], [toRuns(band(0, 5)), false, []]);
  desk.click(10, 5);
  leave(7);
  leave(7);
  assert.deepEqual([desk.asked.length, desk.busy, desk.count, desk.words], [5, false, 1, ["point-failed"]], "a server that keeps nothing is not asked on");
});

test("what was set while clicks were looked at is asked next, whatever is left of the question before", () => {
  const desk = openDesk();
  desk.click(3, 5);
  desk.click(10, 5);
  desk.point.answer({ photo: "arm", request: 1, left: 4 });
  assert.equal(desk.asked[1].clicks.length, 2);
  desk.point.answer({ photo: "arm", request: 2, left: 9 });
  assert.deepEqual([desk.asked.length, desk.busy], [3, true]);
});

test("what was saved comes back with what it was clicked from, and one of another size never says that there is no lesion", () => {
  const saved = { arm: { width: 20, height: 10, runs: toRuns(band(0, 5)), clicks: [["lesion", 0.1, 0.5]] } };
  const desk = openDesk();
  desk.editor.restore([PHOTO], saved, false);
  assert.deepEqual([desk.runs(), desk.marks()], [toRuns(band(0, 5)), saved.arm.clicks]);
  const other = openDesk();
  other.editor.restore([PHOTO], { arm: { width: 10, height: 10, runs: [40, 60] } }, false);
  assert.equal(other.runs(), null);
  other.click(3, 5);
  other.answer(band(0, 2));
  other.editor.restore([PHOTO], saved, true);
  assert.deepEqual(other.marks(), saved.arm.clicks, "as what comes from another tab does");
});

test("the model's outline becomes the reader's where it is taken or an island is picked, Clear says no lesion, a stroke that writes nothing says nothing", () => {
  const taken = openDesk(band(2, 4));
  taken.editor.change("take");
  assert.deepEqual(taken.runs(), toRuns(band(2, 4)));
  const kept = openDesk(band(2, 4));
  kept.editor.pick("keep", { x: 3, y: 5 }, 1);
  assert.deepEqual(kept.runs(), toRuns(band(2, 4)));
  const cleared = openDesk(band(2, 4));
  cleared.editor.change("clear");
  assert.deepEqual(cleared.runs(), [200]);
  const still = openDesk(band(2, 4));
  still.editor.begin();
  assert.equal(still.editor.commit({ asked: true }), false);
  assert.equal(still.runs(), null);
});

test("an answer to what was asked before leaves the outline as it is until the newest is there", () => {
  const desk = openDesk();
  desk.editor.take(PHOTO, { runs: toRuns(band(15, 19)) });
  desk.click(3, 5);
  desk.click(10, 5);
  desk.answer(band(0, 5));
  assert.deepEqual(desk.runs(), toRuns(band(15, 19)));
});

test("points that have no answer yet go with the correction, every one, and leave no step", () => {
  const desk = openDesk();
  for (const x of [2, 6, 10]) desk.click(x, 5);
  desk.point.leave();
  assert.deepEqual([journal.past.length, desk.count, desk.runs()], [0, 0, null]);
});

test("undo to a point that was never asked about asks about it", () => {
  const desk = openDesk();
  for (const x of [2, 6, 10]) desk.click(x, 5);
  desk.answer(band(0, 5));
  desk.answer(band(0, 11));
  journal.undo();
  assert.equal(desk.asked.at(-1).clicks.length, 2);
  desk.answer(band(0, 7));
  assert.deepEqual(desk.runs(), toRuns(band(0, 7)));
});

test("Backspace takes the last point away, then the one before, then the box, which never lies beyond the photo", () => {
  const desk = openDesk();
  desk.drag({ x: 2, y: 1 }, { x: 25, y: 12 });
  assert.deepEqual(desk.asked[0].clicks, [["box", 0.1, 0.1, 1, 1]]);
  desk.answer(band(3, 8));
  desk.click(10, 5);
  desk.answer(band(3, 9));
  desk.click(14, 5);
  desk.answer(band(3, 15));
  desk.point.back();
  assert.deepEqual(desk.asked.at(-1).clicks, [["box", 0.1, 0.1, 1, 1], ["lesion", 0.5, 0.5]]);
  desk.answer(band(3, 9));
  desk.point.back();
  desk.answer(band(3, 8));
  desk.point.back();
  assert.deepEqual([desk.count, desk.runs()], [0, null]);
});

test("a point that is dragged off the photo stays, and skin beside the box belongs to the same lesion", () => {
  const desk = openDesk();
  desk.drag({ x: 2, y: 1 }, { x: 12, y: 9 });
  desk.answer(band(3, 8));
  desk.click(16, 5, RIGHT);
  assert.deepEqual(desk.asked[1].clicks.map(([kind]) => kind), ["box", "skin"]);
  desk.answer(band(3, 7));
  desk.drag({ x: 16, y: 5 }, { x: 26, y: 5 });
  assert.deepEqual([desk.asked.length, desk.count], [2, 2]);
});
