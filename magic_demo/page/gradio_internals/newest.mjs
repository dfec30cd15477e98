// Events of which the newest alone counts while one of them is on its way. Gradio's "always_last" sends what came first once more when the answer
// is there; it holds the very object that it was given, so each such event has one, which says what is wanted now.

/** Return `trigger`, with one object an event of these names for whatever it says. */
export function keepNewest(trigger, names) {
  const said = new Map(names.map((name) => [name, {}]));
  return (name, payload) => {
    const kept = said.get(name);
    if (!kept) return trigger(name, payload);
    for (const key of Object.keys(kept)) if (!(key in payload)) delete kept[key];
    return trigger(name, Object.assign(kept, payload));
  };
}
