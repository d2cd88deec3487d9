"use strict";
// The fields of a message: one for each value of its XML, in its order, and what codes mean.
const LISTED = { EndDeviceControlType: "control", EndDeviceEventType: "event", ReadingType: "reading" };
const REQUIRED = ["Verb", "Noun"];
let fieldNumber = 0;

function drawForm(form, message, codes, changed) {
  form.replaceChildren();
  for (const kind of Object.values(LISTED)) form.append(codeList(kind, codes[kind]));
  for (const part of message.documentElement.children) form.append(drawGroup(part, codes, changed, false));
}

function codeList(kind, rows) {
  const list = document.createElement("datalist");
  list.id = `codes-${kind}`;
  for (const [code, english, spanish] of rows) list.append(new Option(speech.language === "es" ? spanish : english, code));
  return list;
}

function drawGroup(element, codes, changed, mayGo) {
  const group = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = element.localName;
  if (mayGo) legend.append(repeating(element, changed), removing(element, changed));
  group.append(legend);
  for (const attribute of element.attributes) if (!attribute.name.startsWith("xmlns")) group.append(drawRow(element, attribute, codes, changed));
  const isPayload = element.localName === "Payload";
  for (const part of element.children) {
    if (part.children.length > 0 || hasAttributes(part)) group.append(drawGroup(part, codes, changed, !isPayload));
    else group.append(drawRow(part, null, codes, changed, !REQUIRED.includes(part.localName)));
  }
  if (element.children.length === 0 && element.textContent.trim()) group.append(drawRow(element, null, codes, changed));
  return group;
}

function hasAttributes(element) {
  return [...element.attributes].some((each) => !each.name.startsWith("xmlns"));
}

function drawRow(element, attribute, codes, changed, mayGo = false) {
  const row = document.createElement("div");
  row.className = "row";
  const label = document.createElement("label");
  label.htmlFor = `field-${(fieldNumber += 1)}`;
  label.textContent = attribute ? `@${attribute.name}` : element.localName;
  const value = attribute ? attribute.value : element.textContent;
  const kind = listOf(element, attribute);
  const input = ["true", "false"].includes(value) ? choice(["true", "false"]) : document.createElement("input");
  input.id = label.htmlFor;
  input.value = value;
  input.spellcheck = false;
  input.autocomplete = "off";
  if (REQUIRED.includes(element.localName)) input.readOnly = true;
  if (kind) input.setAttribute("list", `codes-${kind}`);
  const meaning = document.createElement("span");
  meaning.className = "meaning";
  meaning.textContent = kind ? meant(codes, kind, value) : "";
  input.addEventListener("input", () => {
    if (attribute) element.setAttribute(attribute.name, input.value);
    else element.textContent = input.value;
    if (kind) meaning.textContent = meant(codes, kind, input.value);
    changed(false);
  });
  row.append(label, input);
  if (mayGo) row.append(removing(element, changed));
  if (kind) row.append(meaning);
  return row;
}

function choice(values) {
  const select = document.createElement("select");
  for (const value of values) select.append(new Option(value, value));
  return select;
}

// The list of codes that a value is of: a reference's own, or the name of a type that is asked for.
function listOf(element, attribute) {
  if (attribute) return attribute.name === "ref" ? LISTED[element.localName] : undefined;
  const above = element.parentElement?.parentElement;
  return element.localName === "name" && element.parentElement?.localName === "Names" ? LISTED[above?.localName] : undefined;
}

function meant(codes, kind, code) {
  const row = codes[kind].find((each) => each[0] === code.trim());
  return row ? row[speech.language === "es" ? 2 : 1] : "";
}

function repeating(element, changed) {
  return deed("+", word("repeat", element.localName), () => element.after(element.cloneNode(true)), changed);
}

function removing(element, changed) {
  return deed("−", word("remove", element.localName), () => element.remove(), changed);
}

function deed(sign, says, does, changed) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "small";
  button.textContent = sign;
  button.title = says;
  button.setAttribute("aria-label", says);
  button.addEventListener("click", () => { does(); changed(true); });
  return button;
}
