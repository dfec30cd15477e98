// How a photo is shown, never what is stored of it: turned, mirrored, lighter, with more contrast, in one channel. No DOM in here: node tests it.

export const CHANNELS = ["colour", "green", "red-free"];
/** brightness, contrast and gamma: -100 to 100, 0 being the photo's own. angle: degrees clockwise, over -180 and up to 180. */
export const PLAIN = { angle: 0, flip: false, brightness: 0, contrast: 0, gamma: 0, channel: CHANNELS[0] };

/** Whether a look leaves the photo's colours alone. */
export const keepsColours = ({ brightness, contrast, gamma, channel }) => !brightness && !contrast && !gamma && channel === CHANNELS[0];

export const isPlain = (look) => keepsColours(look) && !look.angle && !look.flip;

/** An angle as it is said: over -180 and up to 180 degrees. */
export function angleOf(degrees) {
  const turned = ((degrees % 360) + 360) % 360;
  return turned > 180 ? turned - 360 : turned;
}

/** What becomes of every value of a channel: 256 bytes. */
export function tableOf({ brightness, contrast, gamma }) {
  const power = 4 ** (-gamma / 100);
  const slope = 4 ** (contrast / 100);
  return Uint8ClampedArray.from({ length: 256 }, (_, value) => 255 * (((value / 255) ** power - 0.5) * slope + 0.5 + brightness / 200));
}

/** Change RGBA bytes to a look. Green: the channel in which vessels are dark, in grey. Red-free: the colours without their red. */
export function adjust(rgba, look) {
  const table = tableOf(look);
  const [green, redFree] = [look.channel === "green", look.channel === "red-free"];
  for (let i = 0; i < rgba.length; i += 4) {
    const middle = table[rgba[i + 1]];
    rgba[i] = green ? middle : redFree ? 0 : table[rgba[i]];
    rgba[i + 1] = middle;
    rgba[i + 2] = green ? middle : table[rgba[i + 2]];
  }
  return rgba;
}
