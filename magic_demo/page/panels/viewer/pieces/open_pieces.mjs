// Lesions one by one, where the queue or the reader asks for it: their numbers over the photo, their lines under it, and the reader's comments, which
// follow them while the outline changes.

import { readPixels } from "../beside/facts.mjs";
import { sayLength } from "../tools/rulers.mjs";
import { colourPieces } from "./piece_colours.mjs";
import { openPieceList } from "./piece_list.mjs";
import { badgeAt, drawNumbers } from "./piece_numbers.mjs";
import { follow, measurePiece, pieceAt, piecesOf } from "./pieces.mjs";
import { drawnAt, Remarks } from "./remarks.mjs";

const NAME = "magic-demo-one-by-one"; // the reader's own choice, in this browser
const REST = 150; // milliseconds without a change before colours are measured
const STILL = 6; // window pixels: who moves further has moved the photo
const MOST_COLOURED = 40; // lesions of a photo whose colour is named: it takes some milliseconds each

/**
 * does: {journal, openId(), reach(photo), changed(photo): a comment has changed, photo(), mask(photo): the reader's own as it is shown, null for none,
 * place(point), at(point of the window): a point of the photo, centre(point): bring it into the middle, size(), scale(photo): millimetres a pixel of
 * the file or null, busy(), say(word), word(name), redraw()}.
 */
export function openPieces(root, does) {
  const find = (id) => root.querySelector(`#viewer-${id}`);
  const toggle = find("one-by-one");
  const stage = find("stage");
  const { journal, openId, reach } = does;
  const remarks = new Remarks({ journal, openId, reach, changed: (photo) => { show(); does.changed(photo); } });
  const list = openPieceList(root, { word: does.word, choose, say });
  const known = new Map(); // photo's name -> its parts, as the comments know them
  let coloured = { key: null, colours: new Map() };
  let shown = []; // the parts that have a line
  let chosen = null;
  let timer = 0;
  let asked = false;
  let own = localStorage.getItem(NAME) === "yes";

  const on = () => asked || own;
  const piecesNow = (photo) => {
    const mask = does.mask(photo);
    return mask ? piecesOf(mask, photo.width, photo.height) : [];
  };

  /** Show the lines of the photo; what was measured of the same outline is not measured again. */
  function show() {
    const photo = does.photo();
    root.toggleAttribute("data-pieces", on() && Boolean(photo));
    toggle.hidden = asked;
    toggle.setAttribute("aria-pressed", String(own));
    if (!on() || !photo) {
      shown = [];
      return does.redraw();
    }
    const pieces = piecesNow(photo);
    const homes = remarks.of(photo).map(([x, y]) => pieceAt(pieces, drawnAt(photo, [x, y])));
    shown = pieces.filter((piece) => !piece.speck || homes.includes(piece));
    if (!shown.some(({ number }) => number === chosen)) chosen = null;
    const specks = pieces.length - shown.length;
    find("pieces-hint").textContent = pieces.length ? (specks ? does.word("piece-specks").replace("{count}", String(specks)) : "") : does.word(does.mask(photo) ? "piece-cleared" : "piece-hint");
    const key = `${photo.name} ${JSON.stringify(pieces.map(({ area, at }) => [area, at]))}`;
    if (key !== coloured.key) coloured = { key, colours: new Map(), wanted: true };
    draw(photo, homes);
    clearTimeout(timer);
    if (coloured.wanted && photo.readable && shown.length) timer = setTimeout(() => colour(photo, key), REST);
    does.redraw();
  }

  function colour(photo, key) {
    if (key !== coloured.key) return;
    if (does.busy()) {
      timer = setTimeout(() => colour(photo, key), REST);
      return;
    }
    const mask = { data: does.mask(photo), width: photo.width, height: photo.height };
    coloured = { key, colours: colourPieces((photo.pixels ??= readPixels(photo)), mask, shown.slice(0, MOST_COLOURED)) };
    show();
  }

  function draw(photo, homes) {
    const [said, scale] = [remarks.of(photo), does.scale(photo)];
    const lines = shown.map((piece) => {
      const comments = said.flatMap(([, , text], i) => (homes[i] === piece ? [{ key: String(i), text }] : []));
      return { number: piece.number, facts: describe(photo, piece, scale), comments: comments.length ? comments : [{ key: `new ${piece.number}`, text: "" }] };
    });
    const strays = said.flatMap(([, , text], i) => (homes[i] ? [] : [{ number: 0, facts: [does.word("piece-none")], comments: [{ key: String(i), text }] }]));
    list.draw([...lines, ...strays], document.documentElement.dataset.language);
    list.mark(chosen);
  }

  function describe(photo, piece, scale) {
    const { diameter, border } = measurePiece(piece);
    const full = (photo.fullWidth ?? photo.width) / photo.width;
    const area = piece.area * full ** 2;
    const share = (100 * piece.area) / (photo.width * photo.height);
    const size = scale === null ? (share < 0.1 ? "<0.1%" : `${share.toFixed(1)}%`) : `${(area * scale ** 2).toFixed(area * scale ** 2 < 100 ? 1 : 0)} mm²`;
    const name = coloured.colours.get(piece.number);
    return [size, `⌀ ${sayLength(diameter * full, scale)}`, ...(border ? [does.word(`piece-${border}`)] : []), ...(name ? [does.word(`colour-${name}`)] : [])];
  }

  function choose(number) {
    chosen = number;
    list.mark(number);
    const box = shown.find((piece) => piece.number === number)?.box;
    if (box) {
      const at = does.place({ x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 });
      const { width, height } = does.size();
      if (at.x < 0 || at.y < 0 || at.x > width || at.y > height) does.centre(at);
    }
    does.redraw();
  }

  function say(key, text) {
    const photo = does.photo();
    const piece = key.startsWith("new ") ? shown.find(({ number }) => `new ${number}` === key) : null;
    if (!key.startsWith("new ")) remarks.say(photo, Number(key), null, text);
    else if (piece) remarks.say(photo, null, piece.at, text);
  }

  // ---- the photo chooses a line

  let pressed = null;
  stage.addEventListener("pointerdown", (event) => { pressed = { x: event.clientX, y: event.clientY }; });
  stage.addEventListener("click", (event) => {
    if (!on() || !does.photo() || root.dataset.tool !== "view" || event.target.closest(".viewer-float, button, select")) return;
    if (pressed && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > STILL) return;
    const box = stage.getBoundingClientRect();
    const point = { x: event.clientX - box.left, y: event.clientY - box.top };
    const { x, y } = does.at(point);
    const number = badgeAt(shown, point, does.place) ?? pieceAt(shown, { x: Math.floor(x), y: Math.floor(y) })?.number ?? null;
    if (number !== null || chosen !== null) choose(number);
  });
  toggle.addEventListener("click", () => {
    own = !own;
    localStorage.setItem(NAME, own ? "yes" : "no");
    show();
  });

  return {
    remarks,
    show,
    flush: list.flush,
    /** The queue asks for it, or leaves it to the reader. */
    ask(apart) {
      asked = apart;
    },
    forget() {
      remarks.forget();
      known.clear();
      chosen = null;
    },
    /** Take what was saved, of photos whose outlines are there already. */
    restore(photos, saved, replace) {
      remarks.restore(photos, saved, replace);
      // what is being drawn while an answer arrives is no outline yet: it would be taken for the one that the comments know
      for (const photo of photos) if (remarks.of(photo).length && (replace || !known.has(photo.name))) known.set(photo.name, piecesNow(photo));
    },
    /** The outline of a photo has changed: its comments follow their lesions. */
    follow(photo) {
      const said = remarks.of(photo);
      if (!on() && !said.length) return;
      const [before, after] = [known.get(photo.name) ?? [], piecesNow(photo)];
      known.set(photo.name, after);
      if (!said.length) return;
      const { at, what } = follow(said.map(([x, y]) => drawnAt(photo, [x, y])), before, after);
      remarks.move(photo, at);
      if (what) does.say(`piece-${what}`);
    },
    look(version) {
      remarks.looked = version;
    },
    draw(place) {
      drawNumbers(find("piece-numbers"), on() ? shown : [], chosen, place);
    },
  };
}
