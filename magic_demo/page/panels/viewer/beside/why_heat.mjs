// The heat map that says why an option has its score: told in the document's event "magic-heat", {photo name: data address of an 8-bit
// grey PNG at the working size} or null, and drawn in place of the shading; outlines stay.

const ALPHA = 0.62;

/** Return the layers with a photo's heat below their outlines; `heat` null leaves them as they are. */
export function withHeat(layers, heat) {
  if (!heat) return layers;
  return [{ fill: null, heat, alpha: ALPHA, outline: null, look: null }, ...layers.map((layer) => ({ ...layer, fill: null, heat: null }))];
}

/** Follow the event; `paint(address)` makes a canvas of a map, `redraw` is called when another one is to be drawn. */
export function followHeat({ paint, redraw }) {
  let maps = new Map();
  let arrival = 0;
  document.addEventListener("magic-heat", async ({ detail }) => {
    const turn = ++arrival;
    const painted = await Promise.all(Object.entries(detail ?? {}).map(async ([name, address]) => [name, await paint(name, address)]));
    if (turn !== arrival) return; // a later one overtook this one
    maps = new Map(painted);
    redraw();
  });
  return (photo) => maps.get(photo.name) ?? null;
}
