// How each layer looks: its own colour and its own dash, so that colour is never the only sign. No DOM in here: node tests it.

export const MODEL = { rgb: [0, 200, 255], line: "rgb(255, 214, 10)", dash: [] };
export const MODEL_BESIDE = { ...MODEL, dash: [9, 5] }; // where the reader has an outline, that one is solid
export const OWN = { rgb: [86, 227, 159], line: "rgb(120, 242, 180)", dash: [] };

const LABEL_DASHES = [[], [10, 4], [3, 3], [12, 4, 3, 4], [18, 5], [6, 3], [12, 3, 3, 3, 3, 3], [3, 6]];

/** The look of a study's label, by its colour "#rrggbb" and its place among them: its own line, too. */
export function lookOfLabel(colour, number) {
  const rgb = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  return { rgb, line: `rgb(${rgb.join(", ")})`, dash: LABEL_DASHES[number % LABEL_DASHES.length] };
}

const LINES = ["rgb(255, 138, 216)", "rgb(255, 170, 90)", "rgb(158, 178, 255)", "rgb(236, 236, 236)"];
const DASHES = [
  [2, 4],
  [12, 4, 2, 4],
  [5, 3, 5, 9],
  [16, 4],
  [12, 4, 2, 4, 2, 4],
];

/** The look of another reader's outline, by the place in the list: twenty differ. */
export function lookOf(number) {
  return { rgb: [255, 255, 255], line: LINES[number % LINES.length], dash: DASHES[number % DASHES.length] };
}
