// How each photo of the open case is shown, and the controls for it. One reset brings back the photo as it is; nothing of it is stored or sent.

import { adjust, angleOf, CHANNELS, isPlain, keepsColours, PLAIN } from "./adjusting.mjs";

const SLIDERS = ["brightness", "contrast", "gamma"];

/** photo(): the photo shown. turned(): it was turned or mirrored; redraw(): only its colours have changed. */
export function openDisplay(root, { photo, turned, redraw }) {
  const find = (id) => root.querySelector(`#viewer-${id}`);
  const looks = new Map(); // photo name -> look
  const lookOf = (one = photo()) => looks.get(one?.name) ?? PLAIN;

  /** Show the look of the photo shown on the controls. */
  function show() {
    const look = lookOf();
    for (const name of SLIDERS) find(name).value = String(look[name]);
    find("angle").value = String(look.angle);
    find("angle-value").textContent = `${look.angle}°`;
    find("flip").setAttribute("aria-pressed", String(look.flip));
    find("channel").value = look.channel;
    find("display-reset").setAttribute("aria-disabled", String(isPlain(look)));
    root.toggleAttribute("data-adjusted", !keepsColours(look));
  }

  function paintAll() {
    const one = photo();
    if (!one) return;
    paint(one, lookOf());
    if (one.detail) paint(one.detail, lookOf());
  }

  function change(changes) {
    const one = photo();
    if (!one) return;
    const before = lookOf();
    const look = { ...before, ...changes };
    looks.set(one.name, look);
    paintAll();
    show();
    if (look.angle !== before.angle || look.flip !== before.flip) turned(look);
    redraw();
  }

  const turn = (degrees) => change({ angle: angleOf(lookOf().angle + degrees) });
  const flip = () => change({ flip: !lookOf().flip, angle: angleOf(-lookOf().angle) }); // left and right of what is seen change places
  const nextChannel = () => change({ channel: CHANNELS[(CHANNELS.indexOf(lookOf().channel) + 1) % CHANNELS.length] });
  const reset = () => change(PLAIN);

  for (const name of [...SLIDERS, "angle"]) {
    find(name).addEventListener("input", (event) => change({ [name]: Number(event.target.value) }));
    find(name).addEventListener("dblclick", () => change({ [name]: 0 }));
  }
  find("channel").addEventListener("change", (event) => change({ channel: event.target.value }));
  find("turn-left").addEventListener("click", () => turn(-90));
  find("turn-right").addEventListener("click", () => turn(90));
  find("flip").addEventListener("click", flip);
  find("display-reset").addEventListener("click", reset);

  return {
    turn,
    flip,
    nextChannel,
    reset,
    lookOf,
    /** Another photo is shown, or the same one anew. */
    show() {
      paintAll();
      show();
    },
    /** Give a part of the photo shown the same look. */
    paint: paintAll,
    forget: () => looks.clear(),
  };
}

/** Give a photo the picture that is shown in its place, or none; made anew only where the colours differ. */
function paint(one, look) {
  const key = keepsColours(look) || !one.readable ? null : [look.brightness, look.contrast, look.gamma, look.channel].join();
  if ((one.shownAs ?? null) === key) return;
  one.shownAs = key;
  one.shown = key === null ? null : adjusted(one.bitmap, look, one.shown);
}

function adjusted(bitmap, look, canvas) {
  const picture = canvas ?? new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = picture.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const image = context.getImageData(0, 0, picture.width, picture.height);
  adjust(image.data, look);
  context.putImageData(image, 0, 0);
  return picture;
}
