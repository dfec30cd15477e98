// Photos of one's own: asked for by button, dropped or pasted, sent once the reader has said that they may be used, then opened by the page.

const LOST = "it could not be sent; try again"; // the server says every line of a case in both languages, and knows this one
const CONSENT = { "Magic-Demo-Consent": "given", "Content-Type": "application/octet-stream" };

/** Send one file; what comes back is the key that the server keeps it under, or its name and what went wrong. */
export async function sendPhoto(file) {
  try {
    const answer = await fetch(`photos?name=${encodeURIComponent(file.name)}`, { method: "POST", headers: CONSENT, body: file });
    if (answer.ok) return { key: (await answer.json()).photo };
    return { lost: file.name, reason: await answer.text() };
  } catch {
    return { lost: file.name, reason: LOST };
  }
}

export function mountIntake(element, { trigger }) {
  const button = element.querySelector("#add-photos");
  const input = element.querySelector("#photo-files");
  const consent = element.querySelector("#consent");
  const given = element.querySelector("#consent-given");
  const asked = element.querySelector("#consent-asked");
  const coming = element.querySelector("#photos-coming");
  const unopened = new Set();
  let unsent = [];
  let sending = Promise.resolve();

  function askFirst() {
    document.dispatchEvent(new CustomEvent("magic-photos-wait"));
    asked.hidden = false;
    given.focus();
  }

  async function send(files) {
    button.setAttribute("aria-busy", "true");
    const sent = [];
    coming.hidden = false;
    for (const file of files) {
      coming.querySelector("b").textContent = `${sent.length + 1} / ${files.length}`;
      sent.push(await sendPhoto(file));
      if (sent.at(-1).key) unopened.add(sent.at(-1).key);
    }
    button.removeAttribute("aria-busy");
    coming.hidden = true;
    document.dispatchEvent(new CustomEvent("magic-photos", { detail: { files: files.filter((_, i) => sent[i].key) } }));
    const lost = sent.filter(({ key }) => !key);
    trigger("photos", {
      photos: sent.flatMap(({ key }) => key ?? []),
      lost: lost.map((photo) => photo.lost),
      reasons: lost.map((photo) => photo.reason),
    });
    for (const { key } of sent) unopened.delete(key);
  }

  function add(files) {
    if (given.checked) sending = sending.then(() => send(files));
    else {
      unsent = [...unsent, ...files];
      askFirst();
    }
  }

  // What was sent and not opened goes with the page.
  window.addEventListener("pagehide", () => {
    if (unopened.size) navigator.sendBeacon(`photos?forget=${[...unopened].join(",")}`);
  });
  button.addEventListener("click", () => (given.checked ? input.click() : askFirst()));
  input.addEventListener("change", () => {
    if (!input.files.length) return;
    const files = [...input.files];
    input.value = "";
    add(files);
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-example], #new-case")) return;
    asked.hidden = true; // another case: what waited for the answer was for this one
    unsent = [];
  });
  given.addEventListener("change", () => {
    if (!given.checked) return;
    consent.hidden = asked.hidden = true; // for as long as this page is open
    button.focus();
    const files = unsent;
    unsent = [];
    if (files.length) add(files);
  });
}
