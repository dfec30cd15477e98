// Words that the scripts put on the page, in the language shown. They come with the page: <i data-word="name" title="...">.

export function readWords(root) {
  const elements = new Map([...root.querySelectorAll("[data-word]")].map((element) => [element.dataset.word, element]));
  return (name) => {
    const element = elements.get(name);
    return element?.getAttribute(document.documentElement.dataset.language === "zh" ? "data-title-zh" : "data-title-en") ?? name;
  };
}

/** Call back when the reader switches the language. */
export function onLanguage(callback) {
  new MutationObserver(callback).observe(document.documentElement, { attributes: true, attributeFilter: ["data-language"] });
}
