// Block Kit as nodes.
//
// renderBlocks(blocks, names) returns a DocumentFragment; renderText(text,
// names) does the same for a message without blocks. names is what mrkdwn.js
// needs to name who is mentioned. Everything is inserted as text. Unknown blocks
// are shown as their JSON, so that nothing is dropped.
// With names.click(action_id), buttons can be clicked.
// https://docs.slack.dev/reference/block-kit/blocks

import { h } from "./dom.js";
import { renderMrkdwn, renderPlain } from "./mrkdwn.js";

export function renderBlocks(blocks, names) {
  const out = document.createDocumentFragment();
  for (const b of Array.isArray(blocks) ? blocks : [blocks]) out.append(guarded(b, () => block(b, names)));
  return out;
}

export function renderText(text, names) {
  return h("div", { class: "text" }, renderMrkdwn(text, names));
}

// guarded draws JSON where a shape is not what it should be.
function guarded(value, draw) {
  try {
    return draw() ?? unknown(value);
  } catch {
    return unknown(value);
  }
}

function unknown(value) {
  return h("pre", { class: "unknown", title: "not known to this page" }, h("code", {}, JSON.stringify(value, null, 2)));
}

function block(b, names) {
  switch (b.type) {
    case "section":
      return h(
        "div",
        { class: "block section" },
        h(
          "div",
          { class: "words" },
          b.text ? h("div", { class: "text" }, textObject(b.text, names)) : null,
          b.fields ? h("div", { class: "fields" }, b.fields.map((f) => h("div", { class: "text" }, textObject(f, names)))) : null,
        ),
        b.accessory ? element(b.accessory, names) : null,
      );
    case "header":
      return h("div", { class: "block header", role: "heading", "aria-level": 4 }, textObject(b.text, names));
    case "divider":
      return h("hr", { class: "block" });
    case "context":
      return h("div", { class: "block context" }, b.elements.map((e) =>
        e.type === "image" ? element(e, names) : h("div", { class: "text" }, textObject(e, names))));
    case "actions":
      return h("div", { class: "block actions" }, b.elements.map((e) => element(e, names)));
  }
  return undefined;
}

function textObject(t, names) {
  switch (t.type) {
    case "mrkdwn":
      return renderMrkdwn(t.text, names, { verbatim: t.verbatim === true });
    case "plain_text":
      return renderPlain(t.text, t.emoji !== false);
  }
  return unknown(t);
}

function element(e, names) {
  return guarded(e, () => {
    switch (e.type) {
      case "button": {
        const style = e.style === "primary" || e.style === "danger" ? ` ${e.style}` : "";
        const click = names.click && typeof e.action_id === "string" ? () => names.click(e.action_id) : null;
        const title = click ? null : "this button leads nowhere";
        return h("button", { type: "button", class: `kit${style}`, disabled: !click, title, "data-action": click ? e.action_id : null, "aria-label": e.accessibility_label, onclick: click }, textObject(e.text, names));
      }
      case "image": // from elsewhere, and nothing is loaded from elsewhere
        return h("span", { class: "image", role: "img", "aria-label": e.alt_text }, `[${e.alt_text}]`);
    }
    return undefined;
  });
}
