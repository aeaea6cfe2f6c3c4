"use strict";
// Reads the row of a chart's own table under the pointer, or by the arrow keys. Without it the page is complete.
for (const figure of document.querySelectorAll("figure[data-columns]")) {
  const rows = [...figure.querySelectorAll("tbody tr[data-to]")];
  const heads = [...figure.querySelectorAll("thead th")].map((cell) => cell.textContent);
  const shown = figure.querySelector("output");
  const boxes = [...figure.querySelectorAll(".box")];
  if (rows.length === 0 || !shown) continue;
  let at = -1;
  const show = (index) => {
    if (index === at) return;
    if (rows[at]) rows[at].classList.remove("at");
    at = index;
    for (const old of figure.querySelectorAll(".cross")) old.remove();
    if (at < 0) { shown.textContent = ""; return; }
    rows[at].classList.add("at");
    const from = at === 0 ? 0 : Number(rows[at - 1].dataset.to);
    const middle = (from + Number(rows[at].dataset.to)) / 20;
    for (const box of boxes) {
      const cross = document.createElement("div");
      cross.className = "cross";
      cross.style.left = middle + "%";
      box.append(cross);
    }
    const cells = [...rows[at].cells].map((cell, index) => heads[index] + " " + cell.textContent);
    shown.textContent = cells.join("; ");
  };
  const under = (box, event) => {
    const place = box.getBoundingClientRect();
    const x = ((event.clientX - place.left) / place.width) * 1000;
    const found = rows.findIndex((row) => x < Number(row.dataset.to));
    show(found < 0 ? rows.length - 1 : found);
  };
  for (const box of boxes) {
    box.addEventListener("pointermove", (event) => under(box, event));
    box.addEventListener("pointerleave", () => show(-1));
  }
  figure.addEventListener("keydown", (event) => {
    const moves = { ArrowRight: at + 1, ArrowLeft: at < 0 ? rows.length - 1 : at - 1, Home: 0, End: rows.length - 1, Escape: -1 };
    if (!(event.key in moves) || event.target !== figure) return;
    event.preventDefault();
    show(Math.max(-1, Math.min(rows.length - 1, moves[event.key])));
  });
  figure.addEventListener("blur", () => show(-1));
}
// Browsers without ::details-content print closed tables too.
addEventListener("beforeprint", () => {
  for (const closed of document.querySelectorAll("details:not([open])")) closed.dataset.printed = closed.open = true;
});
addEventListener("afterprint", () => {
  for (const opened of document.querySelectorAll("details[data-printed]")) { opened.open = false; delete opened.dataset.printed; }
});
