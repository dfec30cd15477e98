// Answers of the server may overtake each other: what it says of a case that the page has left meanwhile comes too late.

/** Return a function that says of the open id that a value came with whether a part of the page has shown it before and gone on to another. */
export function followOpenings() {
  const left = new Set();
  let now = null;
  return (openId) => {
    if (left.has(openId)) return true;
    if (now !== null && now !== openId) left.add(now);
    now = openId;
    return false;
  };
}
