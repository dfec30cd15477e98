import assert from "node:assert/strict";
import test from "node:test";

import { exportAddress } from "../../../magic_demo/page/panels/queue/take_away.mjs";

test("an export is asked for by format and queue, and with its consensus where that is wanted", () => {
  assert.equal(exportAddress("coco", "clinic", false), "take-away/coco?queue=clinic");
  assert.equal(exportAddress("label-studio", "a & b", true), "take-away/label-studio?queue=a+%26+b&consensus=yes");
});
