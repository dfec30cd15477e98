// How a photo's outline of a label is called, here and in core/review_content.py: the photo for the first label, else LABEL/PHOTO.

export function keyOf(photo, label = "") {
  return label ? `${label}/${photo}` : photo;
}

/** What `keyOf` named: {label, photo}. */
export function splitKey(name) {
  const slash = name.lastIndexOf("/");
  return { label: slash < 0 ? "" : name.slice(0, slash), photo: name.slice(slash + 1) };
}
