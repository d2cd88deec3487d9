"use strict";
// A message as XML: read, written, made new, and put into a SOAP envelope.
const SOAP = "http://schemas.xmlsoap.org/soap/envelope/";
const WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest";

function parsed(text) {
  const found = new DOMParser().parseFromString(text, "application/xml");
  const error = found.querySelector("parsererror");
  if (error) throw new Error(error.textContent.split("\n").map((line) => line.trim()).filter(Boolean)[1] ?? error.textContent);
  return found;
}

function written(node) {
  return new XMLSerializer().serializeToString(node);
}

// Text between elements that only sets them apart.
function indented(documentNode) {
  const copy = documentNode.cloneNode(true);
  const indent = (element, depth) => {
    const children = [...element.children];
    if (children.length === 0) return;
    for (const node of [...element.childNodes]) if (node.nodeType === Node.TEXT_NODE && !node.data.trim()) node.remove();
    for (const child of children) {
      element.insertBefore(copy.createTextNode("\n" + "  ".repeat(depth + 1)), child);
      indent(child, depth + 1);
    }
    element.append(copy.createTextNode("\n" + "  ".repeat(depth)));
  };
  indent(copy.documentElement, 0);
  return written(copy.documentElement);
}

function child(element, name) {
  return [...(element?.children ?? [])].find((each) => each.localName === name);
}

// Each message is one of its own: a second one under the same MessageID would get the first answer.
function fresh(message) {
  const header = child(message.documentElement, "Header");
  for (const [name, value] of [["MessageID", newId()], ["CorrelationID", newId()], ["Timestamp", new Date().toISOString()]]) {
    const element = child(header, name);
    if (element) element.textContent = value;
  }
  return message;
}

// crypto.randomUUID is there on secure pages alone; a door on a test network has none.
function newId() {
  const octets = crypto.getRandomValues(new Uint8Array(16));
  octets[6] = (octets[6] & 0x0f) | 0x40;
  octets[8] = (octets[8] & 0x3f) | 0x80;
  const hex = [...octets].map((each) => each.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

async function enveloped(message, user, password) {
  const token = user ? await usernameToken(user, password) : "";
  const header = token ? `<soapenv:Header>${token}</soapenv:Header>` : "";
  return `<soapenv:Envelope xmlns:soapenv="${SOAP}">${header}<soapenv:Body>${written(message.documentElement)}</soapenv:Body></soapenv:Envelope>`;
}

// UsernameToken Profile 1.1, 3.1: Base64(SHA-1(nonce + created + password)).
async function usernameToken(user, password) {
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  const created = new Date().toISOString();
  const rest = new TextEncoder().encode(created + password);
  const whole = new Uint8Array([...nonce, ...rest]);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-1", whole));
  const base64 = (octets) => btoa(String.fromCharCode(...octets));
  const text = (value) => value.replace(/[&<>]/g, (each) => `&#${each.charCodeAt(0)};`);
  return `<wsse:Security xmlns:wsse="${WSSE}" xmlns:wsu="${WSU}"><wsse:UsernameToken><wsse:Username>${text(user)}</wsse:Username>` +
    `<wsse:Password Type="${PROFILE}">${base64(digest)}</wsse:Password><wsse:Nonce>${base64(nonce)}</wsse:Nonce>` +
    `<wsu:Created>${created}</wsu:Created></wsse:UsernameToken></wsse:Security>`;
}
