// The board's plot in numbers: how long the bars are, and what is written at them. No page in here.

export const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(share * 100)}%`);
export const coefficient = (value) => (value === null || value === undefined ? "–" : value.toFixed(2).replace("-", "−"));

/** One entry an option: the audience's share of all answers, and what the model says of it once that is shown. */
export function plotBars({ counts, answered, model }) {
  return counts.map((count, option) => ({
    count,
    audience: answered ? count / answered : 0,
    model: model?.shares?.[option] ?? 0,
    written: model?.shares ? writeModel(model.shares[option], model.calibrated) : "",
    chosen: Boolean(model?.chosen.includes(option)),
  }));
}

/** Calibrated shares are percents; scores only rank, and are written without the sign. */
const writeModel = (share, calibrated) => (calibrated ? percent(share) : share.toFixed(2));

/** The case and the question a step away, over the ends of a case into the next one; null where there is none. */
export function stepFrom({ case: number, index }, step, questions, cases) {
  const wanted = number * questions + index + step;
  if (wanted < 0 || wanted >= questions * cases) return null;
  return { case: Math.floor(wanted / questions), index: wanted % questions };
}
