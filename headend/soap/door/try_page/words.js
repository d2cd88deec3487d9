"use strict";
// What the page says, in both languages, and which of them is spoken.
const WORDS = {
  en: {
    title: "Try the CIM interface",
    what: "Messages of IEC 61968-100, sent to this very door: what is sent here is real, also an order.",
    skip: "To the answer", language: "language",
    choose: "Message", noun: "Noun", pattern: "What is asked, and how",
    credentials: "User and password", credentialsWhy: "Where the door asks for a UsernameToken (WS-Security). The password stays in this page: a digest is sent.",
    user: "User", password: "Password",
    sent: "Sent from here", noneSent: "Nothing yet.",
    fields: "Fields", message: "XML", xmlHelp: "May be edited; the fields follow",
    send: "Send", copy: "Copy as curl", copied: "copied",
    answer: "Answer", noAnswer: "Nothing was sent yet.", waiting: "waiting …",
    took: "ms", code: "code", meaning: "meaning", details: "details", object: "object",
    noErrors: "no errors", fault: "SOAP fault", unreachable: "The door does not answer: {0}. Is the head-end running?",
    notXml: "This is no XML: {0}", noReply: "The answer is no reply of the envelope.",
    transaction: "transaction", follows: "The outcome follows under the same CorrelationID. What becomes of it:",
    again: "show again", repeat: "one more {0}", remove: "without {0}",
    values: "{0} values in the payload", more: "{0} elements in the payload",
    typed: "typed", generic: "generic", sync: "synchronous", async: "asynchronous", "one-way": "one way",
    create: "create", change: "change", cancel: "cancel", close: "close", delete: "delete", get: "get",
    "all-instances": "all instances", filter: "filter", association: "association", "all-instances-next-page": "next page",
  },
  es: {
    title: "Pruebe la interfaz CIM",
    what: "Mensajes de IEC 61968-100, enviados a esta misma puerta: lo que se envía aquí es real, también una orden.",
    skip: "A la respuesta", language: "idioma",
    choose: "Mensaje", noun: "Sustantivo", pattern: "Qué se pide y cómo",
    credentials: "Usuario y contraseña", credentialsWhy: "Si la puerta pide un UsernameToken (WS-Security). La contraseña no sale de esta página: se envía un resumen.",
    user: "Usuario", password: "Contraseña",
    sent: "Enviados desde aquí", noneSent: "Todavía nada.",
    fields: "Campos", message: "XML", xmlHelp: "Se puede editar; los campos lo siguen",
    send: "Enviar", copy: "Copiar como curl", copied: "copiado",
    answer: "Respuesta", noAnswer: "Todavía no se envió nada.", waiting: "esperando …",
    took: "ms", code: "código", meaning: "significado", details: "detalles", object: "objeto",
    noErrors: "sin errores", fault: "falla SOAP", unreachable: "La puerta no responde: {0}. ¿Está en marcha el sistema?",
    notXml: "Esto no es XML: {0}", noReply: "La respuesta no es un Reply del sobre.",
    transaction: "transacción", follows: "El resultado llega después con el mismo CorrelationID. Qué fue de él:",
    again: "mostrar de nuevo", repeat: "otro {0}", remove: "sin {0}",
    values: "{0} valores en el contenido", more: "{0} elementos en el contenido",
    typed: "tipado", generic: "genérico", sync: "síncrono", async: "asíncrono", "one-way": "sin respuesta",
    create: "crear", change: "modificar", cancel: "cancelar", close: "cerrar", delete: "eliminar", get: "consultar",
    "all-instances": "todas las instancias", filter: "filtro", association: "asociación", "all-instances-next-page": "página siguiente",
  },
};

const speech = { language: (navigator.language || "en").startsWith("es") ? "es" : "en" };

function word(name, ...values) {
  const text = WORDS[speech.language][name] ?? name;
  return values.reduce((said, value, at) => said.replace(`{${at}}`, value), text);
}

function speak(language) {
  speech.language = language;
  document.documentElement.lang = language;
  document.title = word("title");
  for (const each of document.querySelectorAll("[data-word]")) each.textContent = word(each.dataset.word);
  for (const each of document.querySelectorAll("[data-word-label]")) each.setAttribute("aria-label", word(each.dataset.wordLabel));
  for (const each of document.querySelectorAll("[data-language]")) each.setAttribute("aria-pressed", String(each.dataset.language === language));
}
