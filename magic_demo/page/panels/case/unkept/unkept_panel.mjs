// The offers to go on with a case that was not kept, and what follows the reader's work into the browser's database (unkept.mjs).

import { readField } from "../../../gradio_internals/elements.mjs";
import { openArrange } from "./arrange.mjs";
import { DraftStore } from "./draft_store.mjs";
import { sendPhoto } from "../photo_intake.mjs";
import { sendRest, unsaved } from "../../review/saving/review_line.mjs";
import { readerOfDrafts } from "./sign_out.mjs";
import { countAnswers, UnkeptWork } from "./unkept.mjs";
import { fetchPart } from "../../viewer/canvas/photo_part.mjs";
import { keyOf } from "../../viewer/masks/outline_names.mjs";
import { onLanguage, readWords } from "../../frame/words.mjs";

const BEGINS = "[data-example], #new-case";

export function mountUnkept(element, { trigger }) {
  const root = element.querySelector("#unkept");
  const word = readWords(root);
  const store = new DraftStore();
  const work = new UnkeptWork({ store, late: localStorage, reader: readerOfDrafts, words: () => ({ narrative: readField("narrative"), prompt: readField("prompt") }), changed: show });
  let offers = [];
  let asked = 0;
  let analyse = false; // the case that comes was analysed

  // ---- the offers

  async function show() {
    const turn = ++asked;
    const found = await work.offers().catch(() => []); // a browser that keeps nothing offers nothing
    if (turn !== asked) return;
    offers = found;
    draw();
  }

  function draw(failed = null) {
    root.hidden = !offers.length;
    root.replaceChildren(...root.querySelectorAll("[data-words]"), ...offers.map((offer) => drawOffer(offer, offer.id === failed)));
  }

  function drawOffer(draft, failed) {
    const began = new Date(draft.began);
    const today = began.toDateString() === new Date().toDateString();
    const time = began.toLocaleString(document.documentElement.lang || "en", { ...(today ? {} : { dateStyle: "short" }), timeStyle: "short" });
    const holds = { photos: draft.photos, answers: countAnswers(draft.answers), outlines: Object.keys(draft.masks).length };
    const offer = Object.assign(document.createElement("div"), { className: "unkept-offer" });
    offer.dataset.draft = draft.id;
    offer.append(
      part("p", word("go_on").replace("{time}", time)),
      part("small", Object.entries(holds).filter(([, count]) => count).map(([what, count]) => `${word(what)}: ${count}`).join(" · ")),
      button("open", () => open(draft.id)),
      button("discard", () => work.discard(draft.id)),
    );
    if (failed) offer.append(Object.assign(part("p", word("failed")), { className: "unkept-failed", role: "alert" }));
    return offer;
  }

  const part = (name, textContent) => Object.assign(document.createElement(name), { textContent });
  function button(name, act) {
    const made = Object.assign(part("button", word(name)), { type: "button", className: name === "open" ? "review-action" : "quiet" });
    made.dataset.act = name;
    made.addEventListener("click", act);
    return made;
  }

  /** Send the photos again, to which the reader has consented then, and let the page open the case with all that was made of it. */
  async function open(id) {
    if (!mayLeave()) return;
    sendRest(null);
    root.toggleAttribute("inert", true);
    const found = await work.adopt(id).catch(() => null);
    const sent = [];
    for (const { name, blob } of found?.photos ?? []) sent.push(await sendPhoto(new File([blob], name)));
    root.toggleAttribute("inert", false);
    if (!found || sent.some(({ key }) => !key)) {
      work.close();
      await show();
      draw(id);
      return;
    }
    restore(found.draft, sent.map(({ key }) => key));
    show();
  }

  /** Let the page open a case with all that a draft says of it; photos: the keys that they were sent under. */
  function restore({ example, narrative, prompt, typed, answers, specified, masks, rulers = {}, remarks = {}, covers, analysed, asked = false }, photos) {
    analyse = analysed || example !== null;
    document.dispatchEvent(new CustomEvent("magic-photos", { detail: { restored: true } })); // the queue's case makes room
    trigger("restore", { photos, example, narrative, prompt, typed, answers, specified, masks, rulers, remarks, covers, asked: asked || analysed });
  }

  const arranging = openArrange({ work, word, open: restore });

  // ---- what the reader does

  const mayLeave = () => !work.unsafe || window.confirm(word("ask"));

  document.addEventListener("click", (event) => {
    const begins = event.target.closest(BEGINS);
    if (!begins) return;
    if (!mayLeave()) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    sendRest(null);
    if (begins.dataset.example === undefined) work.close();
    else work.begin({ example: Number(begins.dataset.example) });
  }, { capture: true });
  document.addEventListener("magic-photos", ({ detail }) => {
    if (!detail.restored) work.addPhotos(detail.files);
  });
  document.addEventListener("case-shown", ({ detail }) => {
    if (detail.unkept !== null) {
      work.shown(detail.unkept, detail.opened);
      if (analyse) document.querySelector("#run").click();
      analyse = false;
    } else if (detail.queued !== null) work.close();
    arranging.draw();
  });
  document.addEventListener("case-kept", ({ detail }) => work.drop(detail));
  document.addEventListener("cards-tell", ({ detail: { event, payload: { case: openId, answers, specified } } }) => {
    if (event === "answers") work.note(openId, { answers, specified, analysed: document.querySelector(".cards")?.dataset.state === "answered" });
  });
  const numberOf = (name) => document.querySelector("#viewer-stage").viewer.state.photos.findIndex((photo) => photo.name === name);
  document.addEventListener("viewer-tells", ({ detail }) => {
    const { case: openId, photo, label, width, height, runs, clicks, cleared } = detail;
    if ("runs" in detail) work.noteOfPhoto(openId, "masks", keyOf(photo, label), runs && { width, height, runs, ...(clicks.length && { clicks }), ...(cleared && { cleared }) });
    else if ("ruler" in detail) work.noteOfPhoto(openId, "rulers", photo, detail.ruler);
    else if ("comments" in detail) work.noteOfPhoto(openId, "remarks", photo, detail.comments);
    else if ("clicks" in detail) work.asked(openId); // the outline follows a model, where there is one
    else if ("area" in detail) work.cover(openId, numberOf(photo), { photo, width, height, area: detail.area });
  });
  document.addEventListener("viewer-covered", async ({ detail: { case: openId, photo, number, covered, src, fullWidth, fullHeight } }) => {
    const working = covered ? await (await fetch(src)).blob() : null; // at hand: nobody meets the photo of before
    const whole = working && work.holds(openId) && fetchPart(openId, photo, { left: 0, top: 0, right: fullWidth, bottom: fullHeight });
    if (whole) work.covered(openId, number, working, false);
    work.covered(openId, number, (await Promise.resolve(whole).catch(() => null)) || working);
  });
  document.addEventListener("click", (event) => event.target.closest("#run") && work.asked());
  document.addEventListener("input", (event) => {
    if (event.target.closest("#narrative, #prompt") && unsaved.now === null) work.typed(); // of no queue
  });

  // ---- the page comes and goes

  window.addEventListener("pagehide", () => work.leave(), { capture: true }); // before what rests is sent
  window.addEventListener("pageshow", () => work.stay());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) work.leave();
    else {
      work.stay();
      show(); // another tab may have left something
    }
  }, { capture: true });
  window.addEventListener("beforeunload", (event) => work.unsafe && event.preventDefault());
  onLanguage(() => draw());
  show();
}
