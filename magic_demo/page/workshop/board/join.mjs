// A participant's page: joins a room by its code, shows the question that is asked, and sends one answer.

import "../../panels/frame/theme/looks.mjs";
import { ask, writeStored, readStored, mountLanguages, repeat, showCase, showQuestion, tellTrouble } from "./room.mjs";

const STORAGE_KEY = "magic-demo-seat";
const EVERY = 1000; // milliseconds
const at = (id) => document.getElementById(id);
let seat = readStored(STORAGE_KEY); // {code, participant}
let shown = null;
let round = 0; // an answer that was sent outdates what was asked before

function draw(now) {
  const isOther = shown !== null && (shown.case !== now.case || shown.index !== now.index);
  shown = now;
  at("entry").hidden = true;
  at("seat").hidden = false;
  showCase(now.case);
  const question = showQuestion(now.index);
  for (const option of question.querySelectorAll(".option")) {
    option.setAttribute("aria-pressed", String(Number(option.dataset.option) === now.own));
    option.disabled = !now.open;
  }
  const state = now.open ? (now.own === null ? "open" : "sent") : "closed";
  for (const line of document.querySelectorAll("[data-seat]")) line.hidden = line.dataset.seat !== state;
  if (isOther) question.querySelector("h2").focus({ preventScroll: false });
}

function fail(refused) {
  const reason = refused.reason ?? "lost";
  if (reason === "closed") return; // the next look shows what is asked now
  tellTrouble(reason);
  if (reason === "gone") {
    seat = null;
    shown = null;
    writeStored(STORAGE_KEY, null);
    at("seat").hidden = true;
    at("entry").hidden = false;
  }
}

async function look() {
  if (!seat) return;
  const asked = round;
  try {
    const now = await ask("sit", seat);
    if (asked !== round) return;
    draw(now);
    tellTrouble(null);
  } catch (refused) {
    if (asked === round) fail(refused);
  }
}

async function answer(option) {
  if (!seat || !shown?.open) return;
  round += 1;
  const before = shown;
  draw({ ...shown, own: option }); // at once; the server has the last word
  try {
    draw(await ask("answer", { ...seat, case: before.case, index: before.index, option }));
    tellTrouble(null);
  } catch (refused) {
    draw(before);
    fail(refused);
  }
}

async function join(code) {
  try {
    seat = { code, ...(await ask("join", { code })) };
    writeStored(STORAGE_KEY, seat);
    tellTrouble(null);
    await look();
  } catch (refused) {
    seat = null;
    at("entry").hidden = false;
    fail(refused);
  }
}

at("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  join(at("code").value.trim());
});
document.addEventListener("click", (event) => {
  const option = event.target.closest(".option");
  if (option) answer(Number(option.dataset.option));
});
mountLanguages();

const given = location.hash.slice(1);
at("entry").hidden = Boolean(seat);
if (!seat && /^[0-9]{4}$/.test(given)) join(given);
else if (!seat) at("code").focus();
repeat(EVERY, look);
