// The Slack pane: conversations, unread markers, and messages.

import { renderBlocks, renderText } from "./blockkit.js";
import { h } from "./dom.js";
import { emojiOf } from "./mrkdwn.js";
import { post } from "./post.js";

const atOnce = 100; // messages that are drawn; more when asked for
const keep = 1000; // messages that are kept of a conversation unless older ones are shown

const readKey = "teleport-slack demo: read";

export class Workspace {
  #directory = null;
  #histories = new Map(); // conversation → {messages: Map ts → message, more}
  #drawn = new Map(); // ts → {json, element}, of the open conversation
  #read = loadRead(); // conversation → newest TS that was seen
  #open = "";
  #ephemerals = new Map(); // ts of a message → the ephemeral messages in its thread
  #windows = new Map(); // window ID → element
  #viewAs = document.getElementById("view-as");
  #actor = document.getElementById("actor");
  #error = document.getElementById("click-error");
  #log = document.getElementById("messages");
  #title = document.getElementById("conversation-name");

  reset(directory, histories) {
    this.#directory = directory;
    this.#histories = new Map(histories.map((x) => [x.conversation, { more: x.more, messages: new Map(x.messages.map((m) => [m.ts, m])) }]));
    this.#drawn.clear();
    this.#log.replaceChildren();
    this.#ephemerals.clear();
    this.#drawViewAs();
    const wanted = decodeURIComponent(location.hash.slice(1));
    const known = (id) => directory.conversations.some((c) => c.id === id);
    this.open([this.#open, wanted, directory.conversations[0]?.id].find(known));
  }

  changeDirectory(directory) {
    this.#directory = directory;
    for (const c of directory.conversations) if (!this.#histories.has(c.id)) this.#histories.set(c.id, { more: false, messages: new Map() });
    this.#drawSidebar();
  }

  // change takes a message as it is now; without one it is gone.
  change({ conversation, ts, message }) {
    const history = this.#histories.get(conversation);
    if (!history) return;
    if (message) history.messages.set(ts, message);
    else history.messages.delete(ts);
    if (history.messages.size > keep + 500 && !history.looking) trim(history);
    this.#draw();
  }

  // draw draws once for everything that comes within a frame.
  #due = false;
  #draw() {
    if (this.#due) return;
    this.#due = true;
    // A page in the background has no frames, and is to be true all the same.
    const now = () => {
      if (!this.#due) return;
      this.#due = false;
      this.#drawMessages();
      this.#drawSidebar();
    };
    requestAnimationFrame(now);
    setTimeout(now, 250);
  }

  // ephemeral takes a message that one person sees.
  ephemeral(w) {
    const of = this.#ephemerals.get(w.thread) || [];
    if (of.some((x) => x.ts === w.ts)) return;
    this.#ephemerals.set(w.thread, [...of, w]);
    if (w.conversation === this.#open) this.#drawMessages();
  }

  // changeWindows takes all windows that are open; those that were stay as
  // they are, with what is typed in them.
  changeWindows(windows) {
    const ids = new Set(windows.map((w) => w.id));
    for (const [id, element] of this.#windows) {
      if (ids.has(id)) continue;
      element.remove();
      this.#windows.delete(id);
    }
    for (const w of windows) {
      if (this.#windows.has(w.id)) continue;
      const element = this.#window(w);
      this.#windows.set(w.id, element);
      document.getElementById("windows").append(element);
      element.querySelector("textarea").focus();
    }
  }

  #window(w) {
    const path = `api/windows/${encodeURIComponent(w.id)}`;
    const error = h("p", { class: "error", role: "alert", hidden: true });
    const reason = h("textarea", { rows: 2, name: "reason" });
    const send = async (to) => {
      const why = await post(to, { user: w.user, reason: reason.value });
      error.textContent = why;
      error.hidden = why === "";
    };
    return h("form", { class: "box window", role: "dialog", "aria-label": w.title, "data-window": w.id, onsubmit: (e) => { e.preventDefault(); send(path); } },
      h("h3", {}, w.title, h("small", {}, ` ${this.#names.user(w.user) || w.user} sees this`)),
      renderBlocks(w.blocks, this.#names),
      h("label", {}, "Reason ", reason),
      h("div", { class: "buttons" }, h("button", { class: "primary" }, w.submit), h("button", { type: "button", onclick: () => send(`${path}/close`) }, "Cancel")),
      error);
  }

  async #click(ts, action) {
    const why = await post("api/clicks", { user: this.#actor.value, conversation: this.#open, ts, action });
    this.#error.textContent = why;
    this.#error.hidden = why === "";
  }

  // In a direct message there is nobody else to press a button.
  #drawActor(c) {
    const me = this.#viewAs.value;
    const people = this.#directory.users.filter((u) => !u.bot && (c.kind !== "dm" || u.id === c.id) && (!me || u.id === me));
    const chosen = this.#actor.value;
    this.#actor.replaceChildren(...people.map((u) => h("option", { value: u.id }, u.name)));
    if (people.some((u) => u.id === chosen)) this.#actor.value = chosen;
  }

  // Whoever is looked over the shoulder sees their own direct message and the
  // answers that only they see, and presses the buttons.
  #drawViewAs() {
    const chosen = this.#viewAs.value;
    const people = this.#directory.users.filter((u) => !u.bot);
    this.#viewAs.replaceChildren(h("option", { value: "" }, "everybody"), ...people.map((u) => h("option", { value: u.id }, u.name)));
    if (people.some((u) => u.id === chosen)) this.#viewAs.value = chosen;
  }

  constructor() {
    this.#viewAs.addEventListener("change", () => {
      const me = this.#viewAs.value;
      this.#drawn.clear();
      const open = this.#directory.conversations.find((c) => c.id === this.#open);
      this.open(me && open?.kind === "dm" ? me : this.#open);
    });
  }

  open(id) {
    if (!id) return;
    const before = this.#histories.get(this.#open);
    if (before && this.#open !== id) Object.assign(before, { looking: false, shown: atOnce });
    this.#open = id;
    this.#error.hidden = true;
    this.#drawn.clear();
    this.#log.replaceChildren();
    const c = this.#directory.conversations.find((x) => x.id === id);
    this.#title.replaceChildren(...sign(c), c.name, c.archived ? h("small", {}, " archived") : "", c.kind === "dm" ? h("small", {}, " and the app") : "");
    this.#drawActor(c);
    history.replaceState(null, "", "#" + encodeURIComponent(id));
    this.#drawMessages();
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#drawSidebar();
  }

  #names = {
    user: (id) => this.#directory.users.find((u) => u.id === id)?.name,
    channel: (id) => this.#directory.conversations.find((c) => c.id === id)?.name,
    group: () => undefined,
  };

  #drawSidebar() {
    const lists = { channels: [], directs: [] };
    const me = this.#viewAs.value;
    for (const c of this.#directory.conversations) {
      if (me && c.kind === "dm" && c.id !== me) continue;
      const unread = this.#unread(c.id);
      const current = c.id === this.#open;
      const button = h(
        "button",
        { type: "button", class: unread ? "unread" : "", "aria-current": current ? "page" : null, "data-conversation": c.id, onclick: () => this.open(c.id) },
        sign(c),
        h("span", { class: "name" }, c.name),
        c.archived ? h("small", {}, "archived") : null,
        unread ? h("span", { class: "badge" }, unread > 999 ? "999+" : String(unread), h("span", { class: "hidden" }, " unread")) : null,
      );
      lists[c.kind === "dm" ? "directs" : "channels"].push(h("li", {}, button));
    }
    const focused = document.activeElement?.dataset?.conversation;
    for (const [id, items] of Object.entries(lists)) document.getElementById(id).replaceChildren(...items);
    if (focused) document.querySelector(`[data-conversation="${CSS.escape(focused)}"]`)?.focus();
  }

  #unread(id) {
    const seen = this.#read.get(id) || "";
    let n = 0;
    for (const m of this.#histories.get(id)?.messages.values() || []) {
      for (const x of [m, ...m.replies]) if (x.ts > seen) n++;
    }
    return n;
  }

  #drawMessages() {
    const history = this.#histories.get(this.#open) || { messages: new Map(), more: false };
    const messages = [...history.messages.values()].sort((a, b) => (a.ts < b.ts ? -1 : 1));
    const stuck = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 80;
    const shown = messages.slice(-(history.shown || atOnce));
    const elements = shown.map((m) => this.#element(m));
    for (const ts of [...this.#drawn.keys()]) if (this.#drawn.size > 2 * shown.length + atOnce && ts < shown[0].ts) this.#drawn.delete(ts);
    if (history.more || shown.length < messages.length) elements.unshift(h("button", { type: "button", class: "older", onclick: () => this.#older() }, "Older messages"));
    if (elements.length === 0) elements.push(h("p", { class: "empty" }, "Nothing here yet."));
    // Only what differs is touched, so that focus, selection and open threads stay.
    const keep = new Set(elements);
    for (const e of [...this.#log.children]) if (!keep.has(e)) e.remove();
    elements.forEach((e, i) => {
      if (this.#log.children[i] !== e) this.#log.insertBefore(e, this.#log.children[i] || null);
    });
    if (stuck) this.#log.scrollTop = this.#log.scrollHeight;
    let newest = this.#read.get(this.#open) || "";
    for (const m of messages) for (const x of [m, ...m.replies]) if (x.ts > newest) newest = x.ts;
    this.#read.set(this.#open, newest);
    saveRead(this.#read);
  }

  #element(m) {
    const json = JSON.stringify([m, this.#ephemerals.get(m.ts)]);
    const drawn = this.#drawn.get(m.ts);
    if (drawn?.json === json) return drawn.element;
    const closed = drawn?.element.querySelector(":scope > .thread:not([open])");
    const element = this.#article(m);
    if (closed) element.querySelector(":scope > .thread")?.removeAttribute("open");
    this.#drawn.set(m.ts, { json, element });
    return element;
  }

  #article(m, reply = false) {
    const user = this.#directory.users.find((u) => u.id === m.user) || { name: m.user, bot: false };
    const body = m.tombstone
      ? h("p", { class: "empty" }, "This message was deleted.")
      : m.blocks
        ? renderBlocks(m.blocks, { ...this.#names, click: reply ? undefined : (action) => this.#click(m.ts, action) })
        : renderText(m.text, this.#names);
    return h(
      "article",
      { class: reply ? "message reply" : "message", "data-ts": m.ts, "aria-label": `${user.name}: ${m.text}`.slice(0, 200) },
      h("div", { class: user.bot ? "avatar bot" : "avatar", "aria-hidden": "true" }, user.name.slice(0, 1).toUpperCase()),
      h(
        "div",
        { class: "byline" },
        h("strong", {}, user.name),
        user.bot ? h("span", { class: "app" }, "APP") : null,
        h("time", { datetime: m.posted_at, title: new Date(m.posted_at).toString() }, clock(m.posted_at)),
      ),
      h("div", { class: "body" }, body, m.edited ? h("span", { class: "edited" }, "(edited)") : null),
      m.reactions.length ? h("ul", { class: "reactions", "aria-label": "Reactions" }, m.reactions.map((r) => this.#reaction(r))) : null,
      m.replies.length
        ? h("details", { class: "thread", open: true },
            h("summary", {}, m.replies.length === 1 ? "1 reply" : `${m.replies.length} replies`),
            m.replies.map((x) => this.#article(x, true)))
        : null,
      (reply ? [] : this.#ephemerals.get(m.ts) || []).filter((w) => !this.#viewAs.value || w.user === this.#viewAs.value).map((w) =>
        h("div", { class: "ephemeral", "data-to": w.user }, h("small", {}, `Only ${this.#names.user(w.user) || w.user} sees this`), renderText(w.text, this.#names))),
    );
  }

  #reaction(r) {
    const who = r.users.map((id) => this.#names.user(id) || id).join(", ");
    return h("li", { title: `:${r.name}: by ${who}`, "data-reaction": r.name },
      h("span", { "aria-hidden": "true" }, emojiOf(r.name)), h("span", { class: "hidden" }, r.name.replaceAll("_", " ")), ` ${r.users.length}`);
  }

  async #older() {
    const id = this.#open;
    const history = this.#histories.get(id);
    history.looking = true;
    history.shown = (history.shown || atOnce) + atOnce;
    if (history.messages.size >= history.shown || !history.more) return this.#drawMessages();
    const oldest = [...history.messages.keys()].sort()[0];
    const answer = await fetch(`api/conversations/${encodeURIComponent(id)}/messages?before=${oldest}`);
    const older = await answer.json();
    for (const m of older.messages) if (!history.messages.has(m.ts)) history.messages.set(m.ts, m);
    history.more = older.more;
    if (id === this.#open) this.#drawMessages();
  }
}

// trim drops the oldest messages; the server still has them.
function trim(history) {
  const old = [...history.messages.keys()].sort().slice(0, -keep);
  for (const ts of old) history.messages.delete(ts);
  history.more = true;
}

function sign(c) {
  const words = { channel: "#", private: "🔒", dm: "@" };
  const spoken = { channel: "channel ", private: "private channel ", dm: "direct message with " };
  return [h("span", { class: "sign", "aria-hidden": "true" }, words[c.kind]), h("span", { class: "hidden" }, spoken[c.kind])];
}

function clock(time) {
  return new Intl.DateTimeFormat("en-US", { hour: "numeric", minute: "2-digit" }).format(new Date(time));
}

// Read markers survive a reload of this tab if it has storage.
function loadRead() {
  try {
    return new Map(JSON.parse(sessionStorage.getItem(readKey) || "[]"));
  } catch {
    return new Map();
  }
}

function saveRead(read) {
  try {
    sessionStorage.setItem(readKey, JSON.stringify([...read]));
  } catch {
    // no storage
  }
}
