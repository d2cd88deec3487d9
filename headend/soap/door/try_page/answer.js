"use strict";
// What came back, in words: the result, each error with its meaning, and what to do next.
const SIGNS = { OK: "✓", PARTIAL: "◐", FAILED: "✗" };

function drawAnswer(place, answer, codes) {
  place.replaceChildren();
  const reply = answer.message && [...answer.message.getElementsByTagName("*")].find((each) => each.localName === "Reply");
  const line = document.createElement("p");
  const result = reply && child(reply, "Result")?.textContent;
  if (result) {
    const verdict = document.createElement("span");
    verdict.className = `verdict ${result}`;
    verdict.textContent = `${SIGNS[result] ?? ""} ${result}`;
    line.append(verdict, " ");
  } else line.append(word("noReply"), " ");
  const fault = answer.status === 500 ? `, ${word("fault")}` : "";
  line.append(`HTTP ${answer.status}${fault}, ${Math.round(answer.took)} ${word("took")}`);
  place.append(line);
  if (!reply) return;
  const errors = [...reply.children].filter((each) => each.localName === "Error");
  if (errors.length > 0) place.append(errorTable(errors, codes));
  const ids = [...reply.children].filter((each) => each.localName === "ID");
  for (const id of ids) {
    const told = document.createElement("p");
    const name = id.getAttribute("kind") === "transaction" ? word("transaction") : id.getAttribute("objectType") ?? "ID";
    const code = document.createElement("code");
    code.textContent = id.textContent;
    told.append(`${name} `, code);
    place.append(told);
  }
  if (errors.some((each) => child(each, "code")?.textContent === "0.3")) place.append(whatNext(answer.messageId));
  place.append(...contents(answer.message));
}

function errorTable(errors, codes) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const name of ["code", "meaning", "details", "object"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = word(name);
    head.append(cell);
  }
  const body = table.createTBody();
  for (const error of errors) {
    const code = child(error, "code")?.textContent ?? "";
    const details = child(error, "details")?.textContent ?? "";
    const where = child(error, "xpath")?.textContent;
    const row = body.insertRow();
    for (const text of [code, meant(codes, "error", code) || (child(error, "reason")?.textContent ?? ""), where ? `${details} (${where})` : details, child(error, "ID")?.textContent ?? ""]) row.insertCell().textContent = text;
  }
  return table;
}

function whatNext(messageId) {
  const told = document.createElement("p");
  const command = document.createElement("code");
  command.textContent = `ami cim explain ${messageId}`;
  told.append(word("follows"), " ", command);
  return told;
}

function contents(message) {
  const all = [...message.getElementsByTagName("*")];
  const payload = all.find((each) => each.localName === "Payload");
  if (!payload) return [];
  const values = [...payload.getElementsByTagName("*")].filter((each) => each.localName === "value").length;
  const count = values || (payload.firstElementChild?.children.length ?? 0);
  const told = document.createElement("p");
  told.textContent = word(values ? "values" : "more", count);
  return [told];
}
