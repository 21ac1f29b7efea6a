"use strict";
for (const details of document.querySelectorAll("details")) {
  addEventListener("beforeprint", () => { details.dataset.open = details.open; details.open = true; }); // paper has nothing to click
  addEventListener("afterprint", () => { details.open = details.dataset.open === "true"; });
}
// A click on a column's head sorts its table by it, a second click the other way round.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    return "key" in cell.dataset ? Number(cell.dataset.key) : cell.textContent;
  };
  const compare = (one, other, direction) => {
    if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1; // what has no number comes last, whichever way
    if (one === other) return 0; // ∞ − ∞ is no number
    return direction * (typeof one === "number" ? one - other : one.localeCompare(other, "en", { numeric: true }));
  };
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort((a, b) => compare(value(a, column), value(b, column), direction)));
    });
  });
}
