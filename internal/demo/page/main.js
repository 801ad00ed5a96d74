// The page: one stream of events from the demo, drawn in three panes.

import { Workspace } from "./slack.js";
import { Faults } from "./faults.js";
import { Cluster } from "./teleport.js";
import { Timeline } from "./timeline.js";

const connection = document.getElementById("connection");
const workspace = new Workspace();
const timeline = new Timeline();
const faults = new Faults();
const cluster = new Cluster((id) => timeline.show(id));

const source = new EventSource("api/events");
const on = (name, f) => source.addEventListener(name, (e) => f(JSON.parse(e.data)));

on("snapshot", ({ directory, requests, total, history, windows, ephemerals, switches, counts }) => {
  workspace.reset(directory, history);
  ephemerals.forEach((w) => workspace.ephemeral(w));
  workspace.changeWindows(windows);
  cluster.reset(directory, requests, total);
  timeline.reset(requests);
  faults.switches(switches);
  faults.counts(counts);
  connection.textContent = "live";
  connection.className = "live";
});
on("directory", (directory) => workspace.changeDirectory(directory));
on("message", (change) => workspace.change(change));
on("ephemeral", (ephemeral) => workspace.ephemeral(ephemeral));
on("windows", (windows) => workspace.changeWindows(windows));
on("requests", ({ requests, total }) => {
  cluster.change(requests, total);
  timeline.requests(requests);
});
on("timeline", (entries) => timeline.add(entries));
on("switches", (switches) => faults.switches(switches));
on("counts", (counts) => faults.counts(counts));
source.addEventListener("error", () => {
  connection.textContent = "the demo does not answer; trying again …";
  connection.className = "";
});
