// Elements without markup: everything goes in as text or as attributes, so
// nothing that comes from a message or a request is ever parsed as HTML.

// h makes an element. Attributes that are null, undefined or false stay out;
// children are nodes or text, and lists of them.
export function h(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? "" : String(value));
  }
  e.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined));
  return e;
}
