"use strict";
// The page: what is chosen, written, sent, and what came back.
const at = (id) => document.getElementById(id);
const page = { door: null, message: null, sent: [], shown: null };

async function begin() {
  const root = location.pathname.replace(/\/try$/, "");
  page.door = await (await fetch(`${root}/try/messages.json`)).json();
  page.root = root;
  for (const noun of new Set(page.door.messages.map((each) => each.noun))) at("noun").append(new Option(noun.replace(/^adapter-/, ""), noun));
  at("noun").addEventListener("change", choosePatterns);
  at("pattern").addEventListener("change", chooseMessage);
  at("xml").addEventListener("input", readText);
  at("send").addEventListener("click", send);
  at("copy").addEventListener("click", copy);
  for (const each of document.querySelectorAll("[data-language]")) each.addEventListener("click", () => { speak(each.dataset.language); redraw(); });
  speak(speech.language);
  choosePatterns();
  document.body.dataset.ready = "true";
}

function ofNoun() {
  return page.door.messages.filter((each) => each.noun === at("noun").value);
}

function choosePatterns() {
  at("pattern").replaceChildren(...ofNoun().map((each) => new Option(patternText(each.pattern), each.pattern)));
  chooseMessage();
}

function patternText(pattern) {
  const [verb, ...how] = pattern.split(/-(?=async|one-way|typed|generic)/);
  const style = how[0] ?? (["create", "change", "cancel", "close", "delete"].includes(verb) ? "sync" : "");
  return style ? `${word(verb)} · ${word(style)}` : word(verb);
}

function chooseMessage() {
  const chosen = ofNoun().find((each) => each.pattern === at("pattern").value);
  page.message = fresh(parsed(chosen.xml));
  at("wsdl").href = `${page.root}${chosen.endpoint}?wsdl`;
  at("wsdl").textContent = `${chosen.endpoint.slice(1) || page.root.slice(1)}?wsdl`;
  at("unreadable").textContent = "";
  drawFields();
  writeText();
}

function drawFields() {
  drawForm(at("fields"), page.message, page.door.codes, (shape) => {
    writeText();
    if (shape) { drawFields(); at("fields").focus(); }
  });
}

function writeText() {
  at("xml").value = indented(page.message);
}

function readText() {
  try {
    page.message = parsed(at("xml").value);
    at("unreadable").textContent = "";
    drawFields();
  } catch (error) {
    at("unreadable").textContent = word("notXml", error.message);
  }
}

function redraw() {
  const chosen = at("pattern").value;
  at("pattern").replaceChildren(...ofNoun().map((each) => new Option(patternText(each.pattern), each.pattern, false, each.pattern === chosen)));
  drawFields();
  if (page.shown) drawAnswer(at("result"), page.shown, page.door.codes);
  drawSent();
}

async function send() {
  if (at("unreadable").textContent) return;
  const body = await enveloped(page.message, at("user").value, at("password").value);
  const header = child(page.message.documentElement, "Header");
  const began = performance.now();
  at("result").textContent = word("waiting");
  try {
    const response = await fetch(page.root, { method: "POST", headers: { "Content-Type": "text/xml; charset=utf-8" }, body });
    const text = await response.text();
    page.shown = { status: response.status, took: performance.now() - began, text, message: null, messageId: child(header, "MessageID")?.textContent ?? "" };
  } catch (error) {
    at("result").textContent = word("unreachable", error.message);
    return;
  }
  try { page.shown.message = parsed(page.shown.text); } catch { /* shown as it came */ }
  page.sent.unshift({ name: `${child(header, "Verb")?.textContent} ${child(header, "Noun")?.textContent}`, xml: at("xml").value, shown: page.shown });
  show(page.shown);
  drawSent();
  // What is sent next is a message of its own; the same one again is a matter of editing.
  fresh(page.message);
  drawFields();
  writeText();
}

function show(answer) {
  page.shown = answer;
  drawAnswer(at("result"), answer, page.door.codes);
  at("reply").hidden = false;
  at("reply").textContent = answer.message ? indented(answer.message) : answer.text;
}

function drawSent() {
  at("none-sent").hidden = page.sent.length > 0;
  at("sent").replaceChildren(...page.sent.map((each) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const result = each.shown.text.match(/<(?:\w+:)?Result>(\w+)</)?.[1] ?? `HTTP ${each.shown.status}`;
    button.textContent = `${SIGNS[result] ?? "!"} ${each.name}`;
    button.title = word("again");
    button.addEventListener("click", () => { at("xml").value = each.xml; readText(); show(each.shown); at("answer").focus(); });
    item.append(button);
    return item;
  }));
}

async function copy() {
  const body = await enveloped(page.message, at("user").value, at("password").value);
  const quoted = body.replace(/'/g, `'\\''`);
  await navigator.clipboard.writeText(`curl -sS -H 'Content-Type: text/xml; charset=utf-8' --data-binary '${quoted}' ${location.origin}${page.root}`);
  at("copied").textContent = word("copied");
  setTimeout(() => { at("copied").textContent = ""; }, 2000);
}

begin();
