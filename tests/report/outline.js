// The page's structure, for check.py: run in the page from outside, as text.
// Only reports; check.py judges.

function words(element) {
  return element ? element.textContent.trim().replace(/\s+/g, " ") : "";
}

function outline() {
  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")];
  return {
    lang: document.documentElement.lang.trim(),
    title: document.title.trim(),
    headings: headings.map((one) => ({ level: Number(one.localName[1]), text: words(one) })),
    tables: [...document.querySelectorAll("table")].map((table) => {
      const heads = [...table.querySelectorAll("th")];
      const scopes = ["row", "col", "rowgroup", "colgroup"];
      return {
        caption: words(table.caption),
        heads: heads.length,
        scopeless: heads.filter((head) => !scopes.includes(head.scope)).map(words),
      };
    }),
  };
}
