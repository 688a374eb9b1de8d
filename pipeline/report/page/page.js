"use strict";

// Making elements. Whatever is shown is put in as text, so that nothing from a model or a photo is ever read as markup.

const SVG = document.querySelector("svg").namespaceURI;

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...there(children));
  return element;
}

/** The children that are there, of any depth of lists. */
const there = (children) => children.flat(Infinity).filter((child) => child !== null && child !== "");

/** Put elements or text in the place of what an element holds. */
const put = (element, ...children) => element.replaceChildren(...there(children));

/** An HTML element; `on…` attributes are listeners, children are elements or text. */
const el = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);

/** An SVG element. */
const svg = (name, attributes = {}, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const SHORT = { notation: "compact", maximumFractionDigits: 1 };
const written = (number) => number.toLocaleString("en", number < 1e6 ? {} : SHORT);
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
