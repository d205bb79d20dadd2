// The page's appearance in the current view, for check.py: run in the page from
// outside, as text, after colour.js. Only measures; check.py judges.
//
// Not covered: text that style sheets generate, marks drawn by `use`, and
// elements that are positioned over others.

const NOT_DRAWN = "defs, clipPath, mask, pattern, marker, symbol";
const OUTLINE_POINTS = 8;

function within(box, [x, y]) {
  return box.left <= x && x <= box.right && box.top <= y && y <= box.bottom;
}

// The fills of those earlier marks that contain a point of the window.
function behind(marks, point) {
  const there = marks.filter((mark) => {
    if (!mark.fill || !within(mark.box, point)) return false;
    const place = new DOMPoint(...point).matrixTransform(mark.matrix.inverse());
    return mark.element.isPointInFill(place);
  });
  return there.map((mark) => mark.fill);
}

// Points on a mark's outline, in window coordinates.
function points(element, matrix) {
  const length = element.getTotalLength();
  return Array.from({ length: length > 0 ? OUTLINE_POINTS : 0 }, (_, n) => {
    const place = element.getPointAtLength((length * (n + 0.5)) / OUTLINE_POINTS);
    const { x, y } = new DOMPoint(place.x, place.y).matrixTransform(matrix);
    return [x, y];
  });
}

// Points along the middle of a text, lengthwise.
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

// Text whose stroke is painted first has that stroke as its background.
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
  const colours = painted(element);
  const looks = points(element, matrix).flatMap((point) => {
    const under = behind(marks, point);
    const paper = seen(line, base, under, printed);
    return colours.map((colour) => {
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

// Measures one chart in drawing order: each mark and text on everything drawn
// before.
function chart(svg, number, base, printed) {
  const [marks, looks, texts] = [[], [], []];
  for (const element of svg.querySelectorAll("*")) {
    if (isMark(element)) {
      const { drawn, look } = markLook(element, svg, marks, base, printed);
      marks.push(drawn);
      if (look) looks.push({ ...look, chart: number });
    } else if (element.localName === "text") {
      for (const piece of pieces(element)) texts.push(svgText(piece, svg, marks, base, printed));
    }
  }
  return { marks: looks, texts };
}

function plainBox({ left, top, right, bottom }) {
  return [left, top, right, bottom];
}

function boxes(svg, number) {
  const texts = [...svg.querySelectorAll("text")].filter((one) => isShown(one) && one.textContent.trim());
  return {
    number,
    box: plainBox(svg.getBoundingClientRect()),
    texts: texts.map((one) => ({ text: one.textContent.trim(), box: plainBox(one.getBoundingClientRect()) })),
  };
}

// Parts that can only be seen by scrolling: in print they are lost. Elements
// one pixel wide are for screen readers.
function cut(root) {
  const hides = (one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== "visible";
  return [...root.querySelectorAll("*")].filter((one) => one.clientWidth > 1 && hides(one)).map(
    (one) => ({ text: one.textContent.trim(), content: one.scrollWidth, width: one.clientWidth }),
  );
}

function look(printed) {
  const base = canvas(printed);
  const svgs = [...document.querySelectorAll("svg")].filter((svg) => !svg.parentElement.closest("svg"));
  const shown = svgs.map((svg, n) => ({ svg, number: n + 1 })).filter(({ svg }) => isShown(svg));
  const charts = shown.map(({ svg, number }) => chart(svg, number, base, printed));
  const html = pieces(document.body).filter((piece) => !piece.element.closest("text"));
  const root = document.documentElement;
  return {
    texts: [...html.map((piece) => htmlText(piece, base, printed)), ...charts.flatMap((one) => one.texts)],
    marks: charts.flatMap((one) => one.marks),
    charts: shown.map(({ svg, number }) => boxes(svg, number)),
    cut: printed ? cut(document.body) : [],
    width: root.clientWidth,
    content: root.scrollWidth,
  };
}
