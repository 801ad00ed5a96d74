// The page: one stream of events from the demo, drawn on two sides.

import { Workspace } from "./slack.js";
import { Cluster } from "./teleport.js";

const connection = document.getElementById("connection");
const workspace = new Workspace();
const cluster = new Cluster();

const source = new EventSource("api/events");
const on = (name, f) => source.addEventListener(name, (e) => f(JSON.parse(e.data)));

on("snapshot", ({ world, requests, history, windows }) => {
  workspace.reset(world, history);
  workspace.changeWindows(windows);
  cluster.reset(world, requests);
  connection.textContent = "live";
  connection.className = "live";
});
on("world", (world) => workspace.changeWorld(world));
on("message", (change) => workspace.change(change));
on("whisper", (whisper) => workspace.whisper(whisper));
on("windows", (windows) => workspace.changeWindows(windows));
on("requests", (requests) => cluster.change(requests));
source.addEventListener("error", () => {
  connection.textContent = "the demo does not answer; trying again …";
  connection.className = "";
});
