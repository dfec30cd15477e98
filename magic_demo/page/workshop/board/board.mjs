// The presenter's board: opens a room, shows its question and how the answers fall, and reveals the model when asked to.

import { isField, onKey } from "../../panels/frame/keys/keyboard.mjs";
import { chooseTheme, themeNow } from "../../panels/frame/theme/looks.mjs";
import { coefficient, percent, plotBars, stepFrom } from "./bars.mjs";
import { ask, writeStored, readStored, mountLanguages, repeat, showCase, showQuestion, tellTrouble } from "./room.mjs";

const STORAGE_KEY = "magic-demo-board";
const EVERY = 700; // milliseconds
const at = (id) => document.getElementById(id);
const steps = [...document.querySelectorAll(".step")];
const cases = document.querySelectorAll(".words").length;
let room = null;
let standing = null;
let round = 0; // what was asked before the presenter's last step is late

function draw(now) {
  standing = now;
  document.body.dataset.case = String(now.case);
  document.body.dataset.index = String(now.index);
  document.body.classList.toggle("is-revealed", now.revealed);
  showCase(now.case);
  at("case-choice").value = String(now.case);
  const question = showQuestion(now.index);
  plotBars(now).forEach((bar, option) => {
    const row = question.querySelector(`[data-option="${option}"]`);
    row.querySelector(".is-audience i").style.width = `${bar.audience * 100}%`;
    row.querySelector(".bar-count").textContent = String(bar.count);
    row.querySelector(".is-model i").style.width = `${bar.model * 100}%`;
    row.querySelector(".bar-share").textContent = bar.written;
    row.querySelector(".model-mark").hidden = !bar.chosen;
    row.classList.toggle("is-chosen", bar.chosen);
  });
  for (const id of ["present", "lobby-present"]) at(id).textContent = String(now.present);
  at("answered").textContent = String(now.answered);
  at("agreement").textContent = percent(now.agreement);
  at("alpha").textContent = coefficient(now.alpha);
  at("alpha-note").hidden = now.alpha !== null;
  at("with-model").textContent = percent(now.with_model);
  steps.forEach((step, index) => {
    step.setAttribute("aria-current", index === now.index ? "step" : "false");
    step.querySelector("i").style.height = `${(now.agreements[index] ?? 0) * 100}%`;
    step.title = percent(now.agreements[index]);
  });
  at("previous").disabled = stepFrom(now, -1, steps.length, cases) === null;
  at("next").disabled = stepFrom(now, 1, steps.length, cases) === null;
  at("reveal").disabled = now.revealed;
  document.querySelector('[data-model="waiting"]').hidden = now.model_state !== "waiting" || !now.revealed;
  document.querySelector('[data-model="failed"]').hidden = now.model_state !== "failed" || !now.revealed;
}

async function lead(what, fields = {}) {
  round += 1;
  try {
    draw(await ask(what, { ...room, ...fields }));
    tellTrouble(null);
  } catch (refused) {
    fail(refused);
  }
}

const turn = (to) => to && lead("turn", to);
const move = (step) => standing && turn(stepFrom(standing, step, steps.length, cases));

async function look() {
  if (!room) return;
  const asked = round;
  try {
    const now = await ask("stand", room);
    if (asked !== round) return;
    draw(now);
    tellTrouble(null);
  } catch (refused) {
    if (asked === round) fail(refused);
  }
}

function fail(refused) {
  tellTrouble(refused.reason ?? "lost");
  if (refused.reason === "gone") {
    room = null;
    writeStored(STORAGE_KEY, null);
  }
}

async function enter() {
  const before = readStored(STORAGE_KEY);
  const opened = before ?? (await ask("open", {}));
  writeStored(STORAGE_KEY, opened);
  room = { code: opened.code, key: opened.key };
  const origin = opened.host && ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname) ? `${location.protocol}//${opened.host}:${location.port}` : location.origin;
  const address = new URL("join", `${origin}${location.pathname}`);
  for (const line of document.querySelectorAll(".at")) line.textContent = address.host + address.pathname;
  for (const id of ["room-code", "lobby-code"]) at(id).textContent = opened.code;
  at("lobby-picture").src = `board/join.svg?at=${encodeURIComponent(`${address}#${opened.code}`)}`;
  at("lobby-alone").hidden = !opened.alone || !["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);
  if (!before) at("lobby").showModal();
}

async function end() {
  await ask("close", room ?? {}).catch(() => {});
  writeStored(STORAGE_KEY, null);
  location.assign("./");
}

at("previous").addEventListener("click", () => move(-1));
at("next").addEventListener("click", () => move(1));
at("reveal").addEventListener("click", () => lead("reveal"));
at("case-choice").addEventListener("change", (event) => turn({ case: Number(event.target.value), index: 0 }));
steps.forEach((step, index) => step.addEventListener("click", () => standing && turn({ case: standing.case, index })));
at("show-join").addEventListener("click", () => at("lobby").showModal());
at("begin").addEventListener("click", () => at("lobby").close());
at("end").addEventListener("click", () => at("ending").showModal());
at("end-no").addEventListener("click", () => at("ending").close());
at("end-yes").addEventListener("click", end);
at("theme").addEventListener("click", () => chooseTheme(themeNow() === "dark" ? "light" : "dark"));
onKey(document, ({ key, ctrl, alt }, event) => {
  if (ctrl || alt || document.querySelector("dialog[open]") || isField(event.target)) return;
  const does = { ArrowLeft: () => move(-1), ArrowRight: () => move(1), r: () => at("reveal").click(), j: () => at("lobby").showModal() };
  if (!does[key]) return;
  event.preventDefault();
  does[key]();
});
mountLanguages((language) => {
  for (const option of at("case-choice").options) option.textContent = `${Number(option.value) + 1} · ${option.dataset[language]}`;
});
enter().then(
  () => repeat(EVERY, look),
  (refused) => fail(refused),
);
