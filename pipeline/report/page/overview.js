// The first view: the numbers of the run, what became of its records, and what was trained on it.

const FACET_OF = { zooms: "zooms", resolution: "resolution", kind: "kind" };

function overview() {
  const { summary } = data;
  const charts = [summary && funnel(summary), reasons(), summary && asked(summary), ...counts()].filter(Boolean);
  return [
    el("h1", {}, data.run),
    el("dl", { class: "facts" }, data.facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
    summary ? tiles(summary) : el("p", { class: "note" }, "The run is not finished; this is what it has so far."),
    el("div", { class: "charts" }, charts),
    data.results.map(results),
  ];
}

function tiles(summary) {
  const [calls, tokens, cost] = spent(Object.values(summary.usage));
  const aside = sum([...Object.values(summary.rejects), summary.dropped].flatMap(Object.values));
  const failed = sum(Object.values(summary.failed));
  return el(
    "div",
    { class: "tiles" },
    tile("images", "photos", written(summary.images)),
    tile("tasks", "tasks", written(summary.tasks)),
    tile("traces", "traces", written(summary.traces), { state: "trace" }),
    tile("rejects", "set aside", written(aside), { state: "set aside" }),
    failed ? tile("failed", "met a bug", written(failed), { state: "met a bug" }) : null,
    tile("teacher_calls", "teacher calls", written(summary.teacher_calls)),
    calls ? tile("tokens", "tokens", written(tokens)) : null,
    cost ? tile("cost", "cost", cost.toFixed(2)) : null,
    summary.audit ? audited(summary.audit) : null,
  );
}

/** Calls, tokens and cost of all stages together. */
const spent = (usages) => [
  sum(usages.map(([calls]) => calls)),
  sum(usages.map(([, into, out]) => into + out)),
  sum(usages.map(([, , , cost]) => cost)),
];

const audited = ({ n, answers_right: share }) =>
  tile("audit", `of ${written(n)} answers as drawn`, `${(100 * share).toFixed(1)}%`);

function tile(name, label, told, wish = null) {
  const number = el("b", { "data-number": name }, told);
  return el(wish ? "a" : "div", { class: "tile", href: wish && address(wish) }, number, el("span", {}, label));
}

function funnel({ funnel }) {
  const told = (into, out) => `${written(into)} in, ${written(out)} out`;
  const rows = Object.entries(funnel).map(([stage, [into, out]]) => [stage, out, told(into, out)]);
  return chart("What came through each stage", rows);
}

function asked({ usage, funnel }) {
  const stages = Object.keys(funnel).filter((stage) => stage in usage);
  const rows = stages.map((stage) => {
    const [calls, tokens, cost] = spent([usage[stage]]);
    return [stage, calls, `${written(calls)} · ${written(tokens)} tokens${cost ? ` · cost ${cost.toFixed(2)}` : ""}`];
  });
  return chart("Calls to the teacher", rows);
}

function reasons() {
  const rows = values("reason").map(([reason, times]) => [reason, times, written(times), { reason }]);
  return chart("Set aside, by reason", rows);
}

function counts() {
  return Object.entries(data.counts).map(([title, rows]) => {
    const facet = FACET_OF[title];
    const wish = (label) => facet && { state: "trace", [facet]: label };
    const bars = rows.map(([label, times, share]) => [label, times, `${written(times)} · ${share}`, wish(label)]);
    return chart(`Exported: ${title}`, bars);
  });
}

/** A chart of horizontal bars: label, length, what is told of it, and the filters that its entries fit. */
function chart(title, rows) {
  const most = Math.max(0, ...rows.map(([, length]) => length));
  const bars = rows.map(([label, length, told, wish]) => bar(label, most && length / most, told, wish));
  return el("section", { class: "chart" }, el("h2", {}, title), bars.length ? bars : el("p", { class: "note" }, "none"));
}

function bar(label, share, told, wish) {
  const rail = svg("rect", { class: "rail", width: 100, height: 6 });
  const value = svg("rect", { class: "value", width: 100 * share, height: 6 });
  const shape = svg("svg", { viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, rail, value);
  const words = el("span", { class: "words" }, el("span", {}, label), el("span", { class: "told" }, told));
  return el(wish ? "a" : "div", { class: "bar", href: wish ? address(wish) : null }, words, shape);
}

function results(table) {
  const line = (kind, cells) => el("tr", {}, cells.map((cell) => el(kind, {}, cell)));
  const head = el("thead", {}, line("th", table.columns));
  const body = el("tbody", {}, table.rows.map((row) => line("td", row)));
  return el(
    "section",
    { class: "results" },
    el("h2", {}, table.title),
    table.rows.length ? el("div", { class: "wide" }, el("table", {}, head, body)) : null,
    table.curves ? el("img", { src: table.curves, alt: `Curves of ${table.title}` }) : null,
  );
}
