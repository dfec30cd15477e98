// A step of the zoom by button or key, as a glide of a few frames, so that the eye follows; at once for who wants no motion.

const LASTS = 140; // milliseconds

/** zoom(factor): changes the view at once. Returns step(factor); steps during a glide add up. */
export function openGlide(zoom, still = () => matchMedia("(prefers-reduced-motion: reduce)").matches) {
  let left = 0; // what is still to be zoomed, as a logarithm
  let until = 0;
  let last = 0;

  function frame(now) {
    const rest = Math.max(0, until - now);
    const part = rest > 0 ? Math.min(1, (now - last) / (now - last + rest)) : 1;
    last = now;
    const step = left * part;
    left -= step;
    zoom(Math.exp(step));
    if (part < 1) requestAnimationFrame(frame);
    else left = 0;
  }

  return (factor) => {
    if (still()) return zoom(factor);
    const running = left !== 0;
    left += Math.log(factor);
    const now = performance.now();
    until = now + LASTS;
    if (running) return;
    last = now;
    requestAnimationFrame(frame);
  };
}
