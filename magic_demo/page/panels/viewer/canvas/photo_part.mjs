// A part of an open case's photo at the resolution of its file, with what is covered, as a JPEG.

/** part: {left, top, right, bottom} in pixels of the file. Throws where the server has none to give. */
export async function fetchPart(openId, name, part) {
  const answer = await fetch("photo-part", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ case: openId, photo: name, ...part }) });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.blob();
}
