// The Teleport pane: the form that requests access, and the requests.

import { h } from "./dom.js";
import { post } from "./post.js";

const administrator = ""; // the author of a decision without a review

// attempt runs an action with its form's buttons off, and shows what went wrong.
async function attempt(form, path, body) {
  const error = form.querySelector(".error");
  const buttons = [...form.querySelectorAll("button")];
  buttons.forEach((b) => (b.disabled = true));
  const why = await post(path, body);
  buttons.forEach((b) => (b.disabled = false));
  error.textContent = why;
  error.hidden = why === "";
  return why === "";
}

export class Cluster {
  #people = [];
  #inspect;
  #cards = new Map(); // request ID → card
  #form = document.getElementById("create");
  #list = document.getElementById("requests");

  // inspect shows the timeline of a request.
  constructor(inspect) {
    this.#inspect = inspect;
    this.#form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const f = new FormData(this.#form);
      const done = await attempt(this.#form, "api/requests", {
        user: f.get("user"), roles: f.getAll("role"), resources: f.getAll("resource"),
        reason: f.get("reason"), reviewers: f.getAll("reviewer"), ttl_seconds: Number(f.get("ttl")),
      });
      if (done) this.#form.querySelectorAll("[type=checkbox]").forEach((c) => (c.checked = false));
      if (done) this.#form.elements.reason.value = "";
    });
  }

  reset(directory, requests, total) {
    document.getElementById("cluster").textContent = directory.cluster;
    this.#people = directory.people.map((p) => p.username);
    const user = this.#form.elements.user;
    const chosen = user.value;
    user.replaceChildren(...this.#people.map((p) => h("option", { value: p }, p)));
    if (this.#people.includes(chosen)) user.value = chosen;
    const fill = (id, name, items) => {
      const on = new Set(new FormData(this.#form).getAll(name));
      document.getElementById(id).replaceChildren(...items.map(({ value, label, note }) =>
        h("label", {}, h("input", { type: "checkbox", name, value, checked: on.has(value) }), " ", label, note ? h("small", {}, ` ${note}`) : null)));
    };
    fill("roles", "role", directory.roles.map((r) => ({ value: r.name, label: r.name, note: r.approve > 1 ? `${r.approve} approvals` : "" })));
    fill("resources", "resource", directory.resources.map((r) => ({ value: r.id, label: r.name })));
    fill("reviewers", "reviewer", this.#people.map((p) => ({ value: p, label: p })));
    this.change(requests, total);
  }

  change(requests, total) {
    const ids = new Set(requests.map((r) => r.id));
    for (const [id, card] of this.#cards) {
      if (ids.has(id)) continue;
      card.element.remove();
      this.#cards.delete(id);
    }
    requests.forEach((r, i) => {
      if (!this.#cards.has(r.id)) this.#cards.set(r.id, new Card(r.id, this.#people.filter((p) => p !== r.user), r.user, this.#inspect));
      const card = this.#cards.get(r.id);
      card.show(r);
      if (this.#list.children[i] !== card.element) this.#list.insertBefore(card.element, this.#list.children[i] || null);
    });
    document.getElementById("request-count").textContent = total > requests.length ? `the newest ${requests.length} of ${total}` : total ? String(total) : "none yet";
  }
}

// Card is one request. Its form is made once and never redrawn, so what is
// being typed stays.
class Card {
  #facts = h("div", { class: "facts" });
  #decide;

  constructor(id, others, requester, inspect) {
    const path = `api/requests/${encodeURIComponent(id)}`;
    const author = h("select", { name: "author" },
      others.map((p) => h("option", { value: p }, p)),
      h("option", { value: requester }, `${requester} (the requester)`),
      h("option", { value: administrator }, "an administrator, without a review"));
    const reason = h("input", { name: "reason", autocomplete: "off" });
    const decide = async (decision) => {
      const done = author.value === administrator
        ? await attempt(this.form, `${path}/state`, { decision, reason: reason.value })
        : await attempt(this.form, `${path}/reviews`, { author: author.value, decision, reason: reason.value });
      if (done) reason.value = "";
    };
    this.#decide = h("div", { class: "decide" },
      h("label", {}, "As ", author), h("label", {}, "Reason ", reason),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "primary", "data-do": "approve", onclick: () => decide("approve") }, "Approve"),
        h("button", { type: "button", class: "danger", "data-do": "deny", onclick: () => decide("deny") }, "Deny")));
    this.form = h("form", { "aria-label": `Decide request ${id}`, onsubmit: (e) => e.preventDefault() },
      this.#decide,
      h("div", { class: "buttons quiet" },
        h("button", { type: "button", "data-do": "inspect", onclick: () => inspect(id) }, "Timeline"),
        h("button", { type: "button", "data-do": "expire", onclick: () => attempt(this.form, `${path}/expire`, {}) }, "Let it expire"),
        h("button", { type: "button", "data-do": "delete", onclick: () => attempt(this.form, `${path}/delete`, {}) }, "Delete")),
      h("p", { class: "error", role: "alert", hidden: true }));
    this.element = h("article", { class: "request box", role: "listitem", "data-request": id }, this.#facts, this.form);
  }

  show(r) {
    const approvals = r.reviews.filter((v) => v.state === "APPROVED").length;
    const row = (name, value) => (value ? [h("dt", {}, name), h("dd", {}, value)] : []);
    this.#facts.replaceChildren(
      h("h4", {}, h("span", { class: `state ${r.state.toLowerCase()}` }, r.state.toLowerCase()), " ", r.user),
      h("dl", {},
        row("Asks for", [...r.roles.map((x) => `role ${x}`), ...r.resources].join(", ")),
        row("Reason", r.reason),
        row("Suggested", (r.reviewers || []).join(", ")),
        row("Approvals", `${approvals} of ${r.approve}`),
        row("Reviews", r.reviews.map((v) => `${v.author}: ${v.state.toLowerCase()}${v.reason ? ` (${v.reason})` : ""}`).join("; ")),
        row("Because", r.state === "PENDING" ? "" : r.resolve_reason),
        row("ID", h("code", {}, r.id))));
    this.#decide.hidden = r.state !== "PENDING";
  }
}
