// A success is shown only where it is one: the server is there, everything is saved, and nothing has failed since.

import assert from "node:assert/strict";
import { test } from "node:test";

import { decide, nowOfModels } from "../../../magic_demo/page/panels/frame/status/status_choice.mjs";

const fine = { connection: "there", state: "done", pending: false, failed: false };
const LOADING = "the line of models that are loading";
const READY = "the line of models that are there";
const DONE = "the line of a step, whatever its words";

test("what the server said last is shown while all is well", () => {
  for (const state of ["loading", "ready", "working", "done", "failed"]) assert.equal(decide({ ...fine, state }), "line");
});

test("no success is shown while the server is out of reach", () => {
  for (const connection of ["lost", "signed-out", "restarted"]) {
    for (const pending of [true, false]) assert.equal(decide({ ...fine, connection, pending }), connection);
  }
});

test("no success is shown while a change is not saved; what failed and what is under way still are", () => {
  assert.equal(decide({ ...fine, pending: true }), "saving");
  assert.equal(decide({ ...fine, pending: true, state: "failed" }), "line");
  assert.equal(decide({ ...fine, pending: true, state: "working" }), "line");
});

test("a request that came to nothing is said, unless the server's own line says it better", () => {
  assert.equal(decide({ ...fine, failed: true }), "failed");
  assert.equal(decide({ ...fine, failed: true, state: "failed" }), "line");
  assert.equal(decide({ ...fine, failed: true, connection: "lost" }), "lost");
});

test("that the models are ready takes the place of their loading and of nothing else, however late it comes", () => {
  assert.equal(nowOfModels(LOADING, { loading: LOADING, models: READY }), READY);
  assert.equal(nowOfModels(DONE, { loading: LOADING, models: READY }), DONE);
  assert.equal(nowOfModels(LOADING, { loading: LOADING, models: null }), LOADING);
});
