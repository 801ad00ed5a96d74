// The switches for faults, and the message counts.

import { h } from "./dom.js";
import { post } from "./post.js";

const rows = [
  ["wanted", "wanted"], ["delivered", "delivered"], ["waiting", "on their way"], ["late", "without outcome"], ["lost", "lost"], ["doubled", "doubled"],
];

export class Faults {
  #switches = document.getElementById("switches");
  #counts = document.getElementById("counts");
  #error = document.getElementById("switch-error");

  constructor() {
    document.getElementById("restart-teleport").addEventListener("click", () => this.#do("api/restart/teleport", {}));
    document.getElementById("many").addEventListener("click", () => this.#do("api/many", { count: 100 }));
  }

  async #do(path, body) {
    const why = await post(path, body);
    this.#error.textContent = why;
    this.#error.hidden = why === "";
    return why === "";
  }

  switches(all) {
    if (this.#switches.children.length !== all.length) {
      this.#switches.replaceChildren(...all.map((s) => {
        const box = h("input", { type: "checkbox", role: "switch", "data-switch": s.name, "aria-describedby": `hint-${s.name}` });
        box.addEventListener("change", async () => {
          if (!(await this.#do(`api/switches/${s.name}`, { on: box.checked }))) box.checked = !box.checked;
        });
        return h("span", { title: s.hint }, h("label", {}, box, ` ${s.what}`), h("span", { hidden: true, id: `hint-${s.name}` }, s.hint));
      }));
    }
    for (const s of all) this.#switches.querySelector(`[data-switch="${s.name}"]`).checked = s.on;
  }

  counts(c) {
    this.#counts.replaceChildren(...rows.map(([key, label]) =>
      h("div", { class: c[key] > 0 && ["lost", "doubled"].includes(key) ? "bad" : "", "data-count": key }, h("dt", {}, label), h("dd", {}, String(c[key])))));
  }
}
