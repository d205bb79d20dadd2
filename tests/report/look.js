// How the page looks in the view it is shown in, for check.py: run in the page from
// outside, by its text. Only measures; check.py judges.
//
// Colours are [red, green, blue, alpha], 0 to 255, alpha 0 to 1. Not seen: text that
// style sheets generate, marks drawn by `use`, what lies over something else by
// being positioned there.

const MARKS = "rect, path, polyline, polygon, line, circle, ellipse";
const NOT_DRAWN = "defs, clipPath, mask, pattern, marker, symbol";
const OUTLINE_POINTS = 8;
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

// The plain colours of a fill or stroke: those of a gradient's or pattern's parts where it is one.
function plain(paint, opacity) {
  if (paint === "none") return [];
  const name = paint.match(/^url\("#(.*?)"\)/)?.[1];
  if (name === undefined) return [faded(numbers(paint), Number(opacity))].filter((colour) => colour[3] > 0);
  const parts = [...(document.getElementById(name)?.querySelectorAll("*") ?? [])];
  return parts.flatMap((part) => {
    const style = getComputedStyle(part);
    if (part.localName === "stop") return plain(style.stopColor, style.stopOpacity);
    return part.matches(MARKS) ? painted(part) : [];
  });
}

function painted(mark) {
  const style = getComputedStyle(mark);
  const stroked = parseFloat(style.strokeWidth) > 0;
  return [...plain(style.fill, style.fillOpacity), ...(stroked ? plain(style.stroke, style.strokeOpacity) : [])];
}

function within(box, [x, y]) {
  return box.left <= x && x <= box.right && box.top <= y && y <= box.bottom;
}

// The fills of those marks, drawn before, that lie at a point of the window.
function behind(marks, point) {
  const there = marks.filter((mark) => {
    if (!mark.fill || !within(mark.box, point)) return false;
    const place = new DOMPoint(...point).matrixTransform(mark.matrix.inverse());
    return mark.element.isPointInFill(place);
  });
  return there.map((mark) => mark.fill);
}

// Points on a mark's outline, in the window.
function points(element, matrix) {
  const length = element.getTotalLength();
  return Array.from({ length: length > 0 ? OUTLINE_POINTS : 0 }, (_, n) => {
    const place = element.getPointAtLength((length * (n + 0.5)) / OUTLINE_POINTS);
    const { x, y } = new DOMPoint(place.x, place.y).matrixTransform(matrix);
    return [x, y];
  });
}

// Along the middle of a text, lengthwise.
function middle(box) {
  const at = [0.1, 0.5, 0.9];
  const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  if (box.width >= box.height) return at.map((part) => [box.left + part * box.width, y]);
  return at.map((part) => [x, box.top + part * box.height]);
}

function isShown(element) {
  return element.checkVisibility({ visibilityProperty: true });
}

function pieces(root) {
  const found = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.data.trim() || !isShown(node.parentElement)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (box.width > 0 && box.height > 0) found.push({ text: node.data.trim(), element: node.parentElement, box });
  }
  return found;
}

function htmlText(piece, base, printed) {
  const line = chain(piece.element);
  const ink = numbers(getComputedStyle(piece.element).webkitTextFillColor);
  const paper = seen(line, base, [], printed);
  const image = line.some((one) => ground(one, printed).image);
  return { text: piece.text, contrast: contrast(seen(line, base, [ink], printed), paper), ink, paper, image };
}

// Text with a stroke painted first has that stroke for its background.
function svgText(piece, svg, marks, base, printed) {
  const style = getComputedStyle(piece.element);
  const left = share(piece.element, svg);
  const inks = plain(style.fill, style.fillOpacity);
  const ink = inks.length === 1 ? inks[0] : [0, 0, 0, 0];
  const halo = style.paintOrder.startsWith("stroke") ? plain(style.stroke, style.strokeOpacity) : [];
  const line = chain(svg);
  const looks = middle(piece.box).map((point) => {
    const under = [...behind(marks, point), ...halo.map((colour) => faded(colour, left))];
    const paper = seen(line, base, under, printed);
    return { paper, contrast: contrast(seen(line, base, [...under, faded(ink, left)], printed), paper) };
  });
  const worst = looks.reduce((one, other) => (other.contrast < one.contrast ? other : one));
  return { text: piece.text, ink, image: line.some((one) => ground(one, printed).image), ...worst };
}

function markLook(element, svg, marks, base, printed) {
  const matrix = DOMMatrix.fromMatrix(element.getScreenCTM());
  const left = share(element, svg);
  const line = chain(svg);
  const looks = points(element, matrix).flatMap((point) => {
    const under = behind(marks, point);
    const paper = seen(line, base, under, printed);
    return painted(element).map((colour) => {
      const top = seen(line, base, [...under, faded(colour, left)], printed);
      return { ink: colour, paper, contrast: contrast(top, paper) };
    });
  });
  const style = getComputedStyle(element);
  const fill = plain(style.fill, style.fillOpacity)[0];
  const drawn = { element, matrix, box: element.getBoundingClientRect(), fill: fill && faded(fill, left) };
  const best = looks.reduce((one, other) => (one && one.contrast >= other.contrast ? one : other), null);
  return { drawn, look: best && { mark: element.localName, ...best } };
}

function isMark(element) {
  return element.matches(MARKS) && !element.closest(NOT_DRAWN) && isShown(element);
}

// One chart, in the order it is drawn: each mark and text on what was drawn before.
function chart(svg, base, printed) {
  const [marks, looks, texts] = [[], [], []];
  for (const element of svg.querySelectorAll("*")) {
    if (isMark(element)) {
      const { drawn, look } = markLook(element, svg, marks, base, printed);
      marks.push(drawn);
      if (look) looks.push(look);
    } else if (element.localName === "text") {
      for (const piece of pieces(element)) texts.push(svgText(piece, svg, marks, base, printed));
    }
  }
  return { marks: looks, texts };
}

function plainBox({ left, top, right, bottom }) {
  return [left, top, right, bottom];
}

function boxes(svg) {
  const texts = [...svg.querySelectorAll("text")].filter((one) => isShown(one) && one.textContent.trim());
  return {
    box: plainBox(svg.getBoundingClientRect()),
    texts: texts.map((one) => ({ text: one.textContent.trim(), box: plainBox(one.getBoundingClientRect()) })),
  };
}

function look(printed) {
  const base = canvas(printed);
  const svgs = [...document.querySelectorAll("svg")].filter((svg) => !svg.parentElement.closest("svg"));
  const charts = svgs.filter(isShown).map((svg) => chart(svg, base, printed));
  const html = pieces(document.body).filter((piece) => !piece.element.closest("text"));
  const root = document.documentElement;
  return {
    texts: [...html.map((piece) => htmlText(piece, base, printed)), ...charts.flatMap((one) => one.texts)],
    marks: charts.flatMap((one) => one.marks),
    charts: svgs.filter(isShown).map(boxes),
    width: root.clientWidth,
    content: root.scrollWidth,
  };
}
