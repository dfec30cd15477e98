// The strip of photos, in a place of its own in the left column.

export function openStrip({ photos, current, show }) {
  const place = () => document.querySelector("#photo-strip-list");

  function draw() {
    const list = place();
    if (!list) return;
    list.replaceChildren(...photos().map(thumbnail));
    list.dataset.count = String(photos().length);
    mark();
  }

  function thumbnail(one, number) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "thumb";
    button.dataset.photo = String(number);
    button.title = one.name;
    button.setAttribute("aria-label", `${number + 1} / ${photos().length}: ${one.name}`);
    const small = document.createElement("canvas");
    small.width = small.height = 128;
    const side = Math.min(one.width, one.height);
    small.getContext("2d").drawImage(one.bitmap, (one.width - side) / 2, (one.height - side) / 2, side, side, 0, 0, 128, 128);
    const label = document.createElement("span");
    label.textContent = String(number + 1);
    button.append(small, label);
    button.addEventListener("click", () => show(number));
    return button;
  }

  function mark() {
    for (const button of place()?.querySelectorAll("[data-photo]") ?? []) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.photo) === current()));
    }
  }

  return { draw, mark };
}
