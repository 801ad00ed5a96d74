// Slack's mrkdwn as nodes.
//
// renderMrkdwn(text, names, {verbatim}) returns a DocumentFragment. names
// resolves mentions: {user(id), channel(id), group(id)}, each a
// name or undefined. Only http, https and mailto addresses become links.
// https://docs.slack.dev/messaging/formatting-message-text

import { h } from "./dom.js";

const emoji = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", no_entry: "⛔", warning: "⚠️", hourglass: "⌛",
  hourglass_flowing_sand: "⏳", bell: "🔔", eyes: "👀", lock: "🔒", unlock: "🔓", key: "🔑", tada: "🎉",
  rotating_light: "🚨", wave: "👋", thinking_face: "🤔", "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎",
  arrows_counterclockwise: "🔄", information_source: "ℹ️", memo: "📝", robot_face: "🤖", fire: "🔥", rocket: "🚀",
  heart: "❤️", smile: "😄", clock1: "🕐", calendar: "📅", shield: "🛡️", bust_in_silhouette: "👤",
  busts_in_silhouette: "👥", large_green_circle: "🟢", red_circle: "🔴", large_yellow_circle: "🟡",
};

// emojiOf returns the character of an emoji's name, or the name in colons.
export function emojiOf(name) {
  return Object.hasOwn(emoji, name) ? emoji[name] : `:${name}:`;
}

export function renderMrkdwn(text, names, { verbatim = false } = {}) {
  const out = document.createDocumentFragment();
  const context = { names, verbatim };
  const parts = text.split(/```([\s\S]+?)```/); // every second one is a block; a fence without an end is none
  parts.forEach((part, i) => {
    if (i % 2 === 1) {
      out.append(h("pre", {}, h("code", {}, codeNodes(part.replace(/^\n|\n$/g, ""), context))));
      return;
    }
    // A block begins and ends on lines of its own, so those breaks are drawn already.
    if (i > 0) part = part.replace(/^\n/, "");
    if (i < parts.length - 1) part = part.replace(/\n$/, "");
    out.append(...lines(part, context));
  });
  return out;
}

export function renderPlain(text, useEmoji = true) {
  return useEmoji ? text.replace(/:([a-z0-9_+-]+):/g, (_, name) => emojiOf(name)) : text;
}

// lines draws text outside of code blocks: quotes and the lines between them.
function lines(text, context) {
  const out = [];
  let quote = null;
  let open = false; // a line stands at the end of out
  const list = text === "" ? [] : text.split("\n");
  list.forEach((line, i) => {
    const quoted = /^(?:&gt;|>)\s?(.*)$/s.exec(line);
    if (quoted) {
      if (quote) quote.append(h("br"));
      else out.push((quote = h("blockquote")));
      quote.append(...inline(quoted[1], context));
      open = false;
      return;
    }
    quote = null;
    if (open) out.push(h("br"));
    if (line === "" && i === list.length - 1) return;
    out.push(...inline(line, context));
    open = true;
  });
  return out;
}

// What may stand inside of a pair of marks, without the marks themselves.
const inside = (mark) => `((?:\`[^\`\\n]+\`|<[^<>\\n]*>|[^${mark}\\n\`<])+?)`;
const pair = (mark) => `(?<![\\p{L}\\p{N}${mark}])${mark}(?!\\s)${inside(mark)}(?<!\\s)${mark}(?![\\p{L}\\p{N}${mark}])`;
const token = new RegExp(
  [
    "(?<!`)`([^`\\n]+)`(?!`)", // 1 code
    "<([^<>\\n]+)>", // 2 link, mention, date
    pair("\\*"), // 3
    pair("_"), // 4
    pair("~"), // 5
    "(?<![\\p{L}\\p{N}:]):([a-z0-9_+'-]+):(?![\\p{L}\\p{N}])", // 6 emoji
    "(https?://[^\\s<>|`*]*[^\\s<>|`*.,;:!?)\\]])", // 7 bare address
  ].join("|"),
  "gu",
);

function inline(text, context) {
  const out = [];
  let end = 0;
  for (const m of text.matchAll(token)) {
    out.push(unescapeText(text.slice(end, m.index)));
    end = m.index + m[0].length;
    const [whole, code, angle, bold, italic, strike, name, address] = m;
    if (code !== undefined) out.push(h("code", {}, codeNodes(code, context)));
    else if (angle !== undefined) out.push(angled(angle, context));
    else if (bold !== undefined) out.push(h("strong", {}, inline(bold, context)));
    else if (italic !== undefined) out.push(h("em", {}, inline(italic, context)));
    else if (strike !== undefined) out.push(h("s", {}, inline(strike, context)));
    else if (name !== undefined) out.push(Object.hasOwn(emoji, name) ? emoji[name] : whole);
    else if (address !== undefined) out.push(context.verbatim ? unescapeText(address) : link(unescapeText(address)));
  }
  out.push(unescapeText(text.slice(end)));
  return out.filter((n) => n !== "");
}

// codeNodes draws code, where only addresses and mentions in angles mean something.
function codeNodes(text, context) {
  return text.split(/(<[^<>\n]+>)/).map((part, i) => (i % 2 ? angled(part.slice(1, -1), context) : unescapeText(part)));
}

function unescapeText(s) {
  return s.replace(/&(amp|lt|gt);/g, (_, name) => ({ amp: "&", lt: "<", gt: ">" })[name]);
}

// angled draws what stands between < and >.
function angled(content, { names }) {
  const bar = content.indexOf("|");
  const target = bar < 0 ? content : content.slice(0, bar);
  const label = bar < 0 ? "" : unescapeText(content.slice(bar + 1));
  switch (target[0]) {
    case "@":
      return mention("@" + (names.user(target.slice(1)) || label || target.slice(1)));
    case "#":
      return mention("#" + (names.channel(target.slice(1)) || label || target.slice(1)));
    case "!":
      return special(target.slice(1), label, names);
  }
  return link(unescapeText(target), label);
}

function mention(text, loud = false) {
  return h("span", { class: loud ? "mention loud" : "mention" }, text);
}

function special(command, label, names) {
  const [kind, ...rest] = command.split("^");
  switch (kind) {
    case "here":
    case "channel":
    case "everyone":
      return mention("@" + kind, true);
    case "subteam":
      return mention(names.group(rest[0]) ? "@" + names.group(rest[0]) : label || "@" + rest[0]);
    case "date":
      return date(rest, label);
  }
  return label || `<!${command}>`;
}

function link(address, label = "") {
  let safe = false;
  try {
    safe = ["http:", "https:", "mailto:"].includes(new URL(address).protocol);
  } catch {
    // not an address
  }
  if (!safe) return label ? `${label} (${address})` : `<${address}>`;
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, label || address.replace(/^mailto:/, ""));
}

// date draws <!date^seconds^format^link|fallback> in the reader's time zone.
function date([seconds, format = "", address], fallback) {
  const at = new Date(Number(seconds) * 1000);
  if (!/^\d+$/.test(seconds || "") || Number.isNaN(at.getTime())) return fallback;
  const text = format.replace(/\{([a-z_]+)\}/g, (whole, name) => dateField(name, at) ?? whole);
  const time = h("time", { datetime: at.toISOString(), title: at.toString() }, text);
  if (!address) return time;
  const a = link(unescapeText(address), " ");
  if (typeof a === "string") return time;
  a.replaceChildren(time);
  return a;
}

const day = 24 * 60 * 60 * 1000;

function dateField(name, at) {
  const as = (options) => new Intl.DateTimeFormat("en-US", options).format(at);
  const pretty = (otherwise) => {
    const midnight = (d) => Date.UTC(d.getFullYear(), d.getMonth(), d.getDate());
    const days = (midnight(at) - midnight(new Date())) / day;
    return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days] ?? dateField(otherwise, at);
  };
  switch (name) {
    case "date_num":
      return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;
    case "date":
      return as({ year: "numeric", month: "long", day: "numeric" });
    case "date_short":
      return as({ year: "numeric", month: "short", day: "numeric" });
    case "date_long":
      return as({ weekday: "long", year: "numeric", month: "long", day: "numeric" });
    case "date_pretty":
      return pretty("date");
    case "date_short_pretty":
      return pretty("date_short");
    case "date_long_pretty":
      return pretty("date_long");
    case "time":
      return as({ hour: "numeric", minute: "2-digit" });
    case "time_secs":
      return as({ hour: "numeric", minute: "2-digit", second: "2-digit" });
  }
  return undefined;
}
