// One card drawn: what the model says of its family, what the reader answers, and where the two, readers, or the photo differ.

import { contradiction, numberOfOption, optionOfNumber, writeShare } from "./cards.mjs";

/** state: of the cards. selected, model: the options of a family that the reader and the model chose. */
export function openDrawing({ state, selected, model }) {
  function drawCard(card, stands) {
    const { family, element: section, rows } = card;
    const says = state.models[family.id];
    const mine = selected(family.id);
    section.dataset.standing = stands;
    section.classList.toggle("is-unsure", Boolean(says?.unsure));
    drawTie(card, state.ties[family.id], mine.length > 0);
    section.classList.toggle("is-calibrated", Boolean(says?.calibrated));
    section.classList.toggle("has-model", Boolean(says?.chosen.length));
    section.classList.toggle("is-unscored", state.shown === "answered" && !says?.chosen.length);
    const fills = family.slots > 1 && Boolean(says?.chosen.length) && !says.chosen.includes(family.none);
    rows.forEach((row, option) => {
      const share = says?.shares?.[option];
      const filling = fills && option === family.none;
      row.setAttribute("aria-checked", String(mine.includes(option)));
      row.classList.toggle("is-model", Boolean(says?.chosen.includes(option)));
      row.classList.toggle("is-filling", filling);
      if (state.case === null) row.setAttribute("aria-disabled", "true");
      else row.removeAttribute("aria-disabled");
      row.querySelector(".row-bar").style.width = share === undefined || filling ? "0" : `${(share * 100).toFixed(1)}%`;
      row.querySelector(".row-score").textContent = share === undefined || filling ? "" : writeShare(share, says.calibrated);
    });
    if (card.number) drawNumber(card, mine);
    drawMeasured(card, mine.length ? mine : (says?.chosen ?? []));
    if (card.specify) card.specify.hidden = !card.toSpecify.some((option) => mine.includes(option));
    keepOneStop(card);
  }

  /** Show the number that was answered; what is being typed stays as it is typed, and is marked where it is none of the scale's. */
  function drawNumber({ number, scale }, mine) {
    number.disabled = state.case === null;
    number.readOnly = state.looked !== null;
    const typed = optionOfNumber(scale, number.value);
    if (document.activeElement !== number || typed !== (mine[0] ?? null)) {
      if (document.activeElement !== number || mine.length) number.value = mine.length ? numberOfOption(scale, mine[0]) : "";
    }
    number.setAttribute("aria-invalid", String(number.value !== "" && optionOfNumber(scale, number.value) === null));
  }

  /** Say where the outline of the photo in view says something else than the answer, the reader's or else the model's. */
  function drawMeasured({ measured, rows }, answer) {
    if (!measured) return;
    const says = contradiction(
      measured.dataset.kind,
      answer.map((option) => rows[option].dataset.name),
      state.measured,
    );
    measured.hidden = !says;
    if (!says) return;
    const language = document.documentElement.dataset.language ?? "en";
    const named = rows.find((row) => state.measured.colour && row.dataset.name.toLowerCase().startsWith(state.measured.colour));
    const colour = named?.querySelector(`.row-label > .t-${language}`)?.textContent.replace(" …", "") ?? "";
    measured.title = measured.textContent = measured.getAttribute(`data-${says}-${language}`).replace("{count}", String(state.measured.count)).replace("{colour}", colour);
  }

  /** One row of a card is in the order of the tab key: the one in focus, else the reader's, the model's, or the first. */
  function keepOneStop(card, focused = card.rows.findIndex((row) => row === document.activeElement)) {
    const first = [focused, selected(card.family.id)[0], model(card.family.id)[0], 0].find((option) => option !== undefined && option >= 0);
    card.rows.forEach((row, option) => (row.tabIndex = option === first ? 0 : -1));
  }

  /** Say beside the options who answered what where readers tie: nobody has decided it until it is answered here. */
  function drawTie({ element: section, tie }, sides, decided) {
    section.classList.toggle("is-tied", Boolean(sides) && !decided);
    tie.hidden = !sides;
    if (!sides) return;
    const language = document.documentElement.dataset.language ?? "en";
    tie.querySelector("ul").replaceChildren(
      ...sides.map(({ says, names }) => {
        const item = document.createElement("li");
        item.append(Object.assign(document.createElement("span"), { textContent: names.join(", ") }), `: ${says[language]}`);
        return item;
      }),
    );
  }

  return { drawCard, drawMeasured, keepOneStop };
}
