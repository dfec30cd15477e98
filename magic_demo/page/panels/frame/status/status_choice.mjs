// What the status line shows of what is known. No DOM in here: node tests it.

/**
 * Return what the line shows: "line", which the server said last, or what stands in its place: "lost", "signed-out", "restarted", "saving", "failed".
 *
 * connection: as connection.mjs says it. state: of the server's line. pending: a change is not saved. failed: a request has come to nothing, and no line since has said so.
 */
export function decide({ connection, state, pending, failed }) {
  if (connection !== "there") return connection;
  if (failed && state !== "failed") return "failed";
  if (pending && state === "done") return "saving";
  return "line";
}

/**
 * Return the line that is shown: that the models are loading gives way to how far they are now, what was said of a step since stays.
 *
 * loading: the line that says so. models: the one of how far they are, null where nothing is known.
 */
export function nowOfModels(line, { loading, models }) {
  return models && line === loading ? models : line;
}
