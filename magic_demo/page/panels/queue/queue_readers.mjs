// How far every reader is, in the list of cases; an adjudicator ticks readers there and says whose cases these are.

import { listed } from "./queue_list.mjs";

/** find(name): the list's element `queue-<name>`. assign({cases, readers, each}): tells the server. word(name): in the language shown. */
export function mountReaders({ find, assign, word }) {
  const ticked = () => [...find("progress").querySelectorAll("input:checked")].map((box) => box.value);
  let state = null;

  function drawReader({ name, cases, done, in_progress: begun }, checkedBefore) {
    const row = document.createElement("tr");
    const head = Object.assign(document.createElement("th"), { scope: "row" });
    const label = document.createElement("label");
    if (state.may.includes("assign cases")) label.append(Object.assign(document.createElement("input"), { type: "checkbox", value: name, checked: checkedBefore.has(name) }));
    label.append(name);
    head.append(label);
    row.append(head, ...[done, begun, cases - done - begun].map((count) => Object.assign(document.createElement("td"), { textContent: String(count) })));
    return row;
  }

  function drawEach(count) {
    const chosen = find("each").value;
    const options = [["", word("each_all")], ...Array.from({ length: Math.max(0, count - 1) }, (_, less) => [String(less + 1), String(less + 1)])];
    find("each").replaceChildren(...options.map(([value, textContent]) => Object.assign(document.createElement("option"), { value, textContent })));
    find("each").value = options.some(([value]) => value === chosen) ? chosen : "";
  }

  function send(cases) {
    assign({ cases, readers: ticked(), each: find("each").value ? Number(find("each").value) : null });
  }

  find("assign-open").addEventListener("click", () => send([state.open]));
  find("assign-listed").addEventListener("click", () => send(listed(state.cases, state.filter).map((row) => row.id)));

  /** Draw what the list holds now; who is ticked stays so. */
  return (now) => {
    const checkedBefore = new Set(ticked());
    state = now;
    const readers = state.readers ?? [];
    find("readers").hidden = !readers.length;
    find("mine").hidden = find("mine").disabled = !readers.length;
    find("progress").replaceChildren(...readers.map((row) => drawReader(row, checkedBefore)));
    find("assign").hidden = !state.may.includes("assign cases");
    find("assign-open").disabled = state.open === null;
    drawEach(readers.length);
  };
}
