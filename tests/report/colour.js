// Colours as the page paints them: what colour.js makes, look.js measures with.
//
// A colour is [red, green, blue, alpha], 0 to 255, alpha 0 to 1.

const MARKS = "rect, path, polyline, polygon, line, circle, ellipse";
const WHITE = [255, 255, 255, 1];

const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const known = new Map();

// Any colour that a style can hold, as numbers.
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

// `top` painted on an opaque colour.
function over(top, under) {
  const mixed = [0, 1, 2].map((n) => top[n] * top[3] + under[n] * (1 - top[3]));
  return [...mixed, 1];
}

// WCAG's contrast of two opaque colours.
function contrast(one, other) {
  const linear = (part) => (part <= 10.31475 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const light = (c) => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]) + 0.05;
  const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
  return bright / dark;
}

// What is under the page: white on paper, else what the browser has for the colour scheme.
function canvas(printed) {
  if (printed) return WHITE;
  const probe = document.documentElement.appendChild(document.createElement("i"));
  probe.style.color = "Canvas";
  const colour = numbers(getComputedStyle(probe).color);
  probe.remove();
  return colour;
}

// An element's own background; paper gets none unless it is asked for exactly.
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

// The colour seen where an element, from the root down, is painted with `paints` on it.
function seen(line, under, paints, printed) {
  if (!line.length) return paints.reduce((below, paint) => over(paint, below), under);
  const below = over(ground(line[0], printed).colour, under);
  const inner = seen(line.slice(1), below, paints, printed);
  return over(faded(inner, Number(getComputedStyle(line[0]).opacity)), under);
}

// How much of an element's colour is left within its svg.
function share(element, svg) {
  let left = 1;
  for (let one = element; one !== svg; one = one.parentElement) left *= Number(getComputedStyle(one).opacity);
  return left;
}

// The plain colours of a fill or stroke: those of a gradient's or pattern's parts where it is one,
// and one that cannot be seen where that has none.
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

// A mark's colours; what has no area has no fill, though its style has one.
function painted(mark) {
  const style = getComputedStyle(mark);
  const { width, height } = mark.getBBox();
  const fills = width > 0 && height > 0 && mark.localName !== "line" ? plain(style.fill, style.fillOpacity) : [];
  return [...fills, ...(parseFloat(style.strokeWidth) > 0 ? plain(style.stroke, style.strokeOpacity) : [])];
}
