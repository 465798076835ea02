// SPDX-License-Identifier: GPL-3.0-or-later
// The table of checks sorts by its headings and filters by text and state. Without this script it is complete.
"use strict";
const table = document.getElementById("checks");
const body = table.tBodies[0];
const rows = Array.from(body.rows);
const filter = document.getElementById("filter");
const state = document.getElementById("state");

function show() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = (state.value !== "" && row.dataset.state !== state.value) || !words.every((word) => text.includes(word));
    shown += row.hidden ? 0 : 1;
  }
  document.getElementById("count").textContent = `${shown} of ${rows.length} checks`;
}

function sortBy(heading, column) {
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  rows.sort((a, b) => compare(a.cells[column].textContent, b.cells[column].textContent) * (down ? -1 : 1));
  body.append(...rows);
}

Array.from(table.tHead.rows[0].cells).forEach((heading, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = heading.textContent;
  button.addEventListener("click", () => sortBy(heading, column));
  heading.replaceChildren(button);
});
filter.addEventListener("input", show);
state.addEventListener("change", show);
document.querySelector(".controls").hidden = false;
show();
