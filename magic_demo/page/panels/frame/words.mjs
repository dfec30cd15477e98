// Words that the scripts put on the page, in the language shown. They come with the page: <i data-word="name" title="...">.

export function readWords(root) {
  const places = new Map([...root.querySelectorAll("[data-word]")].map((place) => [place.dataset.word, place]));
  return (name) => {
    const place = places.get(name);
    return place?.getAttribute(document.documentElement.dataset.language === "zh" ? "data-title-zh" : "data-title-en") ?? name;
  };
}

/** Call back when the reader switches the language. */
export function onLanguage(callback) {
  new MutationObserver(callback).observe(document.documentElement, { attributes: true, attributeFilter: ["data-language"] });
}
