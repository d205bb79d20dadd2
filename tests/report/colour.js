// Colors as the page paints them. look.js measures with the functions of this
// file.
//
// A color is [red, green, blue, alpha], 0 to 255, alpha 0 to 1.

const MARKS = "rect, path, polyline, polygon, line, circle, ellipse";
const WHITE = [255, 255, 255, 1];

const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const known = new Map();

// Converts any CSS color to numbers.
function numbers(colour) {
  if (!known.has(colour)) {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
    known.set(colour, [red, green, blue, alpha / 255]);
  }
  return known.get(colour);
}

function faded(colour, share) {
  return [colour[0], colour[1], colour[2], colour[3] * share];
}

// Paints `top` on an opaque color.
function over(top, under) {
  const mixed = [0, 1, 2].map((n) => top[n] * top[3] + under[n] * (1 - top[3]));
  return [...mixed, 1];
}

// WCAG's contrast ratio of two opaque colors.
function contrast(one, other) {
  const linear = (part) => (part <= 10.31475 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const light = (c) => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]) + 0.05;
  const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
  return bright / dark;
}

// The color under the page: white in print, otherwise the browser's for the
// color scheme.
function canvas(printed) {
  if (printed) return WHITE;
  const probe = document.documentElement.appendChild(document.createElement("i"));
  probe.style.color = "Canvas";
  const colour = numbers(getComputedStyle(probe).color);
  probe.remove();
  return colour;
}

// An element's own background; in print it has none unless the style requires
// exact colors.
function ground(element, printed) {
  const style = getComputedStyle(element);
  const left = printed && style.printColorAdjust !== "exact";
  return { colour: left ? [0, 0, 0, 0] : numbers(style.backgroundColor), image: !left && style.backgroundImage !== "none" };
}

function chain(element) {
  const line = [];
  for (let one = element; one; one = one.parentElement) line.unshift(one);
  return line;
}

// The resulting color if an element is painted from the root down, with
// `paints` on it.
function seen(line, under, paints, printed) {
  if (!line.length) return paints.reduce((below, paint) => over(paint, below), under);
  const below = over(ground(line[0], printed).colour, under);
  const inner = seen(line.slice(1), below, paints, printed);
  return over(faded(inner, Number(getComputedStyle(line[0]).opacity)), under);
}

// The remaining opacity of an element within its svg.
function share(element, svg) {
  let left = 1;
  for (let one = element; one !== svg; one = one.parentElement) left *= Number(getComputedStyle(one).opacity);
  return left;
}

// The plain colors of a fill or stroke: those of the parts of a gradient or
// pattern, or an invisible color if it has no parts.
function plain(paint, opacity) {
  if (paint === "none") return [];
  const name = paint.match(/^url\("#(.*?)"\)/)?.[1];
  if (name === undefined) return [faded(numbers(paint), Number(opacity))].filter((colour) => colour[3] > 0);
  const parts = [...(document.getElementById(name)?.querySelectorAll("*") ?? [])];
  const colours = parts.flatMap((part) => {
    const style = getComputedStyle(part);
    if (part.localName === "stop") return plain(style.stopColor, style.stopOpacity);
    return part.matches(MARKS) ? painted(part) : [];
  });
  return colours.length ? colours : [[0, 0, 0, 0]];
}

// A mark's colors; a shape without area has no fill, even if its style has one.
function painted(mark) {
  const style = getComputedStyle(mark);
  const { width, height } = mark.getBBox();
  const fills = width > 0 && height > 0 && mark.localName !== "line" ? plain(style.fill, style.fillOpacity) : [];
  return [...fills, ...(parseFloat(style.strokeWidth) > 0 ? plain(style.stroke, style.strokeOpacity) : [])];
}
