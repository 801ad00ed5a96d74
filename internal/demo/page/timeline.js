// The journal, in order: the plugin's log and the calls to the doubles, about
// one request or about everything.

import { h } from "./dom.js";

const most = 600; // rows in the page; older ones are asked for

const names = { people: "People", teleport: "Teleport", slack: "Slack", demo: "Demo" };

export class Timeline {
  #list = document.getElementById("timeline");
  #scroll = document.getElementById("timeline-scroll");
  #about = document.getElementById("about");
  #earlier = document.getElementById("earlier");
  #newest = "";
  #last = 0; // sequence number of the newest row
  #asked = 0; // which answer counts

  constructor() {
    this.#about.addEventListener("change", () => this.#load());
    this.#earlier.addEventListener("click", () => this.#load(Number(this.#list.firstElementChild?.dataset.seq || 0)));
  }

  // show is for buttons elsewhere that want to see one request.
  show(id) {
    if (![...this.#about.options].some((o) => o.value === id)) this.#about.append(h("option", { value: id }, id));
    this.#about.value = id;
    this.#load();
    document.getElementById("activity").scrollIntoView({ block: "nearest" });
  }

  // reset is for a new stream.
  reset(requests) {
    this.requests(requests);
    this.#load();
  }

  // requests keeps the choice of requests, newest first.
  requests(requests) {
    const chosen = this.#about.value;
    const fixed = [...this.#about.options].slice(0, 2);
    this.#about.replaceChildren(...fixed, ...requests.map((r) =>
      h("option", { value: r.id }, `${r.user}: ${[...r.roles, ...r.resources].join(", ")} (${r.id.slice(0, 8)})`)));
    if (chosen && chosen !== "newest" && !requests.some((r) => r.id === chosen)) this.#about.append(h("option", { value: chosen }, chosen));
    this.#about.value = chosen;
    const newest = requests[0]?.id || "";
    if (newest === this.#newest) return;
    this.#newest = newest;
    if (chosen === "newest") this.#load();
  }

  // add takes what just happened.
  add(entries) {
    const id = this.#id();
    const fit = entries.filter((e) => e.seq > this.#last && (id === "" || e.request === id));
    if (id === null || fit.length === 0) return;
    const stuck = this.#scroll.scrollHeight - this.#scroll.scrollTop - this.#scroll.clientHeight < 60;
    this.#list.append(...fit.map(row));
    this.#last = fit.at(-1).seq;
    if (stuck) {
      while (this.#list.children.length > most) this.#list.firstElementChild.remove(), (this.#earlier.hidden = false);
      this.#scroll.scrollTop = this.#scroll.scrollHeight;
    }
  }

  // #id is the request that is shown: "" for everything, null for none yet.
  #id() {
    if (this.#about.value !== "newest") return this.#about.value;
    return this.#newest || null;
  }

  // #load asks anew, or for what was before a row.
  async #load(before = 0) {
    const id = this.#id();
    const asked = ++this.#asked;
    if (!before) this.#list.replaceChildren(), (this.#last = 0), (this.#earlier.hidden = true);
    if (id === null) return;
    const answer = await fetch(`api/timeline?request=${encodeURIComponent(id)}&before=${before}`);
    const { entries, more } = await answer.json();
    if (asked !== this.#asked) return; // somebody chose something else meanwhile
    this.#earlier.hidden = !more;
    if (before) {
      this.#list.prepend(...entries.map(row));
      return;
    }
    // What came with the stream while we waited is among them.
    this.#list.replaceChildren(...entries.map(row));
    this.#last = entries.at(-1)?.seq || 0;
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }
}

function row(e) {
  const plugin = !Object.hasOwn(names, e.from);
  return h("li", { class: `entry from-${plugin ? "plugin" : e.from}${e.trouble ? " trouble" : ""}`, "data-seq": e.seq },
    h("time", { datetime: e.at }, e.at.slice(11, 23)),
    h("span", { class: "from" }, plugin ? e.from : names[e.from]),
    h("span", { class: "what" }, e.trouble ? h("span", { class: "sign", role: "img", "aria-label": "trouble: " }, "⚠ ") : null, h("strong", {}, e.text),
      (e.details || []).map((d) => [" ", h("span", { class: "detail" }, `${d.name}=`, h("code", {}, d.value))])));
}
