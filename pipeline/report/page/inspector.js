// The second view: entries to choose from, and the one that is looked at, step by step.

const ROWS = 100;
const LEGEND = { evidence: "evidence", kept: "a look", astray: "a wrong turn", traced: "a zoom of the trace" };
let shown = { id: null, lines: [], stops: [], current: -1 };

/** The filters; they are made once and follow the address. */
function filters() {
  const change = () => go({ ...Object.fromEntries(new FormData(one(".filters"))), traces: "" });
  const select = ([facet, title]) => {
    const options = values(facet).map(([value, times]) => el("option", { value }, `${value} (${written(times)})`));
    const choice = el("select", { name: facet, onchange: change }, el("option", { value: "" }, "all"), options);
    return el("label", {}, el("span", {}, title), choice);
  };
  const search = el("input", { name: "text", type: "search", placeholder: "Search", "aria-label": "Search", oninput: change });
  return [search, ...Object.entries(FACETS).map(select)];
}

/** Show what a wish asks for, and have the address say so. */
function go(wish) {
  history.replaceState(null, "", address(wish));
  return show();
}

/** The entry a wish names, or else the first that it leaves; one that its filters leave out is shown among all. */
async function inspect(wish) {
  const fitting = found(wish);
  const id = wish.trace ?? fitting[0]?.id;
  const inside = fitting.some((line) => line.id === id) || !places.has(id);
  const kept = inside ? wish : {};
  shown.lines = inside ? fitting : data.index;
  for (const field of all("input, select", one(".filters"))) {
    if (field !== document.activeElement) field.value = kept[field.name] ?? "";
  }
  list(shown.lines.findIndex((line) => line.id === id), kept);
  if (id !== shown.id) await lookAt(id);
}

function list(place, wish) {
  const { lines } = shown;
  const start = Math.floor(Math.max(0, place) / ROWS) * ROWS;
  const part = lines.slice(start, start + ROWS);
  const rows = part.map((line, number) => row(line, start + number === place, wish));
  const leaf = (label, title, to) =>
    el("button", { type: "button", title, disabled: !lines[to], onclick: () => go({ ...wish, trace: lines[to].id }) }, label);
  const range = part.length ? `${start + 1}–${start + part.length} of ${written(lines.length)}` : "";
  put(one(".list"), rows.length ? rows : el("li", { class: "note" }, "Nothing fits these filters."));
  put(one(".pager"), leaf("‹", "Back", start - ROWS), el("span", {}, range), leaf("›", "On", start + ROWS));
  one(".list .current")?.scrollIntoView({ block: "nearest" });
}

function row(line, current, wish) {
  const zooms = line.zooms && `${line.zooms} ${line.zooms === "1" ? "zoom" : "zooms"}`;
  const told = [line.kind, line.resolution, zooms, line.reason].filter(Boolean).join(" · ");
  const href = address({ ...wish, trace: line.id });
  const dot = el("i", { class: `dot ${mood(line)}` });
  const words = [el("span", { class: "question" }, line.question || line.id), el("span", { class: "told" }, told)];
  return el("li", {}, el("a", { href, class: current && "current", "data-id": line.id }, dot, words));
}

async function lookAt(id) {
  shown = { ...shown, id, stops: [], current: -1, entry: null };
  if (!places.has(id)) return note(id ? `There is no ${id} in this run.` : "");
  try {
    const entry = await entryOf(id);
    if (shown.id === id) open(entry);
  } catch (error) {
    note(error.message);
  }
}

function note(text) {
  put(one(".stage"));
  put(one(".story"), el("p", { class: "note" }, text));
}

function open(entry) {
  const stops = stopsOf(entry);
  shown = { ...shown, entry, stops };
  put(one(".stage"), stage(entry, stops));
  put(one(".story"), story(entry, stops, choose));
  one(".story").scrollTop = 0;
  choose(-1);
}

function stage(entry, stops) {
  if (!entry.task) return [el("p", { class: "note" }, "It was set aside before it was a task about a photo.")];
  const { name, width, height, missing } = entry.task.photo;
  const kinds = new Set(["evidence", ...stops.filter((stop) => stop.view).map((stop) => stop.kind)]);
  const legend = Object.entries(LEGEND).filter(([kind]) => kinds.has(kind));
  return [
    photo(entry, stops, choose),
    el("p", { class: "legend" }, legend.map(([kind, words]) => el("span", { class: kind }, words))),
    el("p", { class: "note" }, `${name}, ${width}×${height}${missing ? `: not shown, ${missing}` : ""}`),
  ];
}

/** Have one stop stand out, in the text and on the photo; -1 is none. */
function choose(number) {
  shown.current = Math.min(Math.max(number, -1), shown.stops.length - 1);
  for (const card of all(".stop")) card.classList.toggle("current", Number(card.dataset.stop) === shown.current);
  one(".stop.current")?.scrollIntoView({ block: "nearest" });
  if (shown.entry?.task) lightUp(one(".stage .photo"), shown.entry, shown.stops, shown.current);
}

/** The entry `by` places further on in the list. */
function turn(by) {
  const next = shown.lines[shown.lines.findIndex((line) => line.id === shown.id) + by];
  if (next) go({ ...wanted(), trace: next.id });
}
