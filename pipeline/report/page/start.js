// The start: which view the address asks for, and the keys.

const KEYS = {
  j: () => turn(1),
  k: () => turn(-1),
  ArrowDown: () => turn(1),
  ArrowUp: () => turn(-1),
  ArrowRight: () => turn(1),
  ArrowLeft: () => turn(-1),
  n: () => choose(shown.current + 1),
  p: () => choose(shown.current - 1),
  Enter: () => choose(shown.current + 1),
  "/": () => one(".filters input").focus(),
};

async function show() {
  const inspecting = location.hash.length > 1;
  one("#overview").hidden = inspecting;
  one("#traces").hidden = !inspecting;
  for (const link of all("nav a")) link.toggleAttribute("aria-current", (link.dataset.view === "traces") === inspecting);
  if (inspecting) await inspect(wanted());
}

function onKey(event) {
  if (event.key === "Escape") document.activeElement.blur();
  const other = event.key === "Enter" ? "input, select, button, summary, a" : "input, select";
  const meant = event.target.closest(other) || event.ctrlKey || event.metaKey || event.altKey;
  if (meant || one("#traces").hidden || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
}

put(one("#overview"), overview());
put(one(".filters"), filters());
if (data.index.some((line) => line.state === "trace")) one("nav [data-view=traces]").href = "#state=trace";
addEventListener("hashchange", show);
addEventListener("keydown", onKey);
show();
