// What one part of the page knows and another needs: written by the part that decides it, never read off what that part has drawn.

export const pageState = {
  mode: null, // how the list of cases opens a case: "assisted", "blind" or "unaided"; null before the list has drawn anything
  system: null, // of several systems, whose predictions the reader wants to see; null before one was chosen
  connection: "there", // as connection.mjs says it
};
