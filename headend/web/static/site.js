// What pages do beside showing: the menu and the tables of a phone, and closing the account's menu.
"use strict";

document.documentElement.classList.add("scripted");

const button = document.querySelector(".menu-button");
const menu = document.getElementById("menu");
if (button && menu) {
  button.addEventListener("click", () => {
    const open = menu.toggleAttribute("data-open");
    button.setAttribute("aria-expanded", String(open));
  });
}

const who = document.querySelector("details.who");
if (who) {
  document.addEventListener("click", (event) => {
    if (!who.contains(event.target)) who.open = false;
  });
  who.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      who.open = false;
      who.querySelector("summary").focus();
    }
  });
}

// On a phone a row of a table that is too wide for it stands as a card, where each cell says its
// column's name.
function cards() {
  for (const table of document.querySelectorAll(".wide > table")) {
    const heads = table.querySelectorAll("thead th");
    if (heads.length < 4 || table.closest(".behind") || table.querySelector("[rowspan], [colspan]")) continue;
    table.classList.add("row-cards");
    for (const row of table.tBodies[0].rows) {
      [...row.cells].forEach((cell, place) => (cell.dataset.column = heads[place].textContent));
    }
  }
}
cards();
document.addEventListener("renewed", cards);

// A deed that asks first: a form with data-ask shows its question before it leaves.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.ask;
  if (question && !window.confirm(question)) event.preventDefault();
});
document.body.dataset.ready = "";
