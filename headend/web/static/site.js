// What pages do beside showing: the menu on a phone, and closing the account's menu.
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

// A deed that asks first: a form with data-ask shows its question before it leaves.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.ask;
  if (question && !window.confirm(question)) event.preventDefault();
});
document.body.dataset.ready = "";
