// What one part of the page knows and another needs: written by the part that decides it, never read off what that part has drawn.

export const pageState = {
  mode: null, // how the list of cases opens a case: "assisted", "blind" or "unaided"; null before the list has drawn anything
  connection: "there", // as connection.mjs says it
};
