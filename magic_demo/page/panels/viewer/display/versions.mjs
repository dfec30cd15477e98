// What the reader's review was or is elsewhere: an earlier version is looked at or brought back, changes of another tab are taken over.

import { OWN } from "../canvas/layer_looks.mjs";
import { MaskLayer } from "../masks/mask_layer.mjs";
import { keyOf } from "../masks/outline_names.mjs";
import { fromRuns } from "../masks/runs.mjs";

/**
 * Follow the document's events "review-look" (a version or null), "review-taken-back" and "review-merged" (a version each). A version is {case,
 * masks by their names, rulers and remarks by photo}. parts: {openId(), photos(), photo(), editor, rulers, pieces, toolbox, changed(): what is drawn has
 * changed, whenOpen(act): act once the photos that are on their way are shown}.
 */
export function openVersions(root, { openId, photos, photo, editor, rulers, pieces, toolbox, changed, whenOpen }) {
  let rights = { editable: false, coverable: false };
  let looked = null; // the layers of the version that is looked at, by their masks' names

  document.addEventListener("review-look", ({ detail }) => whenOpen(() => look(detail)));
  document.addEventListener("review-taken-back", ({ detail }) => whenOpen(() => takeBack(detail)));
  document.addEventListener("review-merged", ({ detail }) => whenOpen(() => takeOver(detail)));

  /** Draw the outlines of an earlier version of the reader's review, which cannot be changed; null draws what is newest. */
  function look(version) {
    const next = version && version.case === openId() ? version : null;
    if (!next && !looked) return;
    toolbox.choose("view");
    rulers.looked = next && (next.rulers ?? {});
    pieces.look(next && (next.remarks ?? {}));
    looked = next && new Map(photos().flatMap((photo) => editor.labels.flatMap((label) => layersOf(next, photo, label))));
    root.toggleAttribute("data-looking", Boolean(looked));
    showRights();
    changed();
  }

  /** A photo's layer of a label under its name, none where the version has no such outline. */
  function layersOf(version, photo, { id, look: colours }) {
    const name = keyOf(photo.name, id);
    const saved = version.masks[name];
    const mask = saved && fromRuns(saved.runs, photo.width * photo.height);
    return mask ? [[name, new MaskLayer(mask, photo.width, photo.height, (colours ?? OWN).rgb)]] : [];
  }

  /** Take all of a version that was brought back; the server has it already. */
  function takeBack({ case: of, masks, rulers: lengths = {}, remarks = {} }) {
    if (of !== openId()) return;
    rulers.restore(photos(), lengths, true);
    editor.takeAll(photos(), masks);
    pieces.restore(photos(), remarks, true);
    toolbox.settled();
    changed();
  }

  /** Take what was changed in another tab, null where something was taken back there; not of the outline that is just being drawn. */
  function takeOver({ case: of, masks: all, rulers: lengths = {}, remarks = {} }) {
    if (of !== openId()) return;
    const drawn = editor.busy ? keyOf(photo().name, editor.id) : null;
    const masks = Object.fromEntries(Object.entries(all).filter(([name]) => name !== drawn));
    const named = (values) => photos().filter(({ name }) => name in values);
    rulers.restore(named(lengths), lengths, true);
    editor.takeNamed(photos(), masks);
    pieces.restore(named(remarks), remarks, true);
    toolbox.settled();
    changed();
  }

  /** What may be changed; nothing while an earlier version is looked at. */
  function showRights() {
    root.toggleAttribute("data-editable", rights.editable && !looked);
    root.toggleAttribute("data-coverable", rights.coverable && !looked);
  }

  return {
    /** Say what the reader may do with the photos: {editable, coverable}. */
    allow(given) {
      rights = given;
      showRights();
    },
    get looking() {
      return looked !== null;
    },
    /** The layer of a photo in the version that is looked at, null where it has none. */
    layerOf: (photo, label = "") => looked?.get(keyOf(photo.name, label)) ?? null,
  };
}
