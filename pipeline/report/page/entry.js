// One entry as it is read: the question, every step of the search with its wrong turns, and the trace that came of it.

/** What can be stepped through, in order: the steps, the answers they led to, and the looks of the trace. */
function stopsOf(entry) {
  let looks = 0;
  const searched = entry.attempts.flatMap((attempt, number) => [
    ...attempt.steps.map((step) => ({
      ...step,
      attempt: number,
      label: step.view ? String(++looks) : "",
      kind: step.astray || step.failed ? "astray" : "kept",
    })),
    { attempt: number, outcome: attempt, kind: attempt.correct === false ? "astray" : "kept" },
  ]);
  const zooms = entry.trace.filter((part) => part.view);
  const traced = zooms.map((part, number) => ({ ...part, part: part.kind, kind: "traced", label: `z${number + 1}` }));
  return [...searched, ...traced].map((stop) => ({ ...stop, pictured: Boolean(stop.view) && !entry.task.photo.missing }));
}

function story(entry, stops, choose) {
  const card = (stop) => {
    const number = stops.indexOf(stop);
    const kind = stop.outcome ? "outcome" : "step";
    const content = stop.outcome ? outcome(stop.outcome) : stop.part ? crop(stop) : step(stop);
    return el("li", { class: `stop ${kind} ${stop.kind}`, "data-stop": number, onclick: () => choose(number) }, content);
  };
  return [
    head(entry),
    entry.evidence.length ? facts("What showed it", entry.evidence) : null,
    entry.bug ? el("pre", { class: "bug" }, entry.bug) : null,
    entry.attempts.map((attempt, number) =>
      el(
        "section",
        { class: "attempt" },
        el("h3", {}, entry.attempts.length > 1 ? `Search, attempt ${number + 1}` : "Search"),
        el("ol", {}, stops.filter((stop) => stop.attempt === number).map(card)),
      ),
    ),
    entry.trace.length ? trace(entry, stops, card) : null,
  ];
}

function head(entry) {
  const task = entry.task;
  const line = data.index[places.get(entry.id)];
  const chips = task ? [task.kind, task.resolution === "native" ? "native resolution" : `R ${task.resolution}`] : [];
  return el(
    "header",
    {},
    el("p", { class: `status ${mood(line)}` }, entry.status),
    el("h2", { class: "question" }, line.question || "(no question)"),
    task?.choices.length ? choices(task) : el("p", { class: "answer" }, line.answer),
    el("p", { class: "chips" }, chips.map((chip) => el("span", {}, chip)), link(entry.id)),
    task ? posed(task) : null,
  );
}

const link = (id) => el("a", { href: address({ trace: id }) }, id);

const choices = ({ choices, answer }) =>
  el("ul", { class: "choices" }, choices.map((choice) => el("li", { class: choice === answer && "answer" }, choice)));

/** Green for a trace, red for what was set aside or met a bug, grey for what is not finished. */
const mood = (line) => ({ trace: "good", "set aside": "bad", "met a bug": "bad" })[line.state] ?? "";

function posed(task) {
  const [width, height] = task.posed.size;
  const shown = { src: picture(task.posed.picture), alt: "The photo as it was posed", loading: "lazy" };
  return el(
    "details",
    { class: "posed" },
    el("summary", {}, `Posed as a picture of ${width}×${height}`),
    task.photo.missing ? null : el("img", shown),
    task.screening.length ? facts("Tried out", task.screening) : null,
  );
}

function facts(title, rows) {
  const lines = rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  return el("section", { class: "told" }, el("h3", {}, title), el("dl", {}, lines));
}

function step(stop) {
  const tag = stop.failed ? "refused" : stop.astray ? "wrong turn" : "";
  const number = el("span", { class: "number" }, stop.label || "·");
  const call = [number, el("b", {}, stop.tool), el("code", {}, stop.arguments)];
  return [
    el("p", { class: "call" }, call, tag ? el("span", { class: "tag" }, tag) : null),
    stop.thought ? el("p", { class: "thought" }, stop.thought) : null,
    el("p", { class: "observation" }, stop.observation),
    stop.view ? crop(stop) : null,
  ];
}

function crop({ view, pictured }) {
  const [width, height] = view.size;
  const shown = `[${view.box.join(", ")}] at ${width}×${height}`;
  if (!pictured) return el("p", { class: "shown" }, shown);
  const image = el("img", { src: picture(view.picture), width, height, alt: `Crop ${shown}`, loading: "lazy" });
  return el("figure", {}, image, el("figcaption", {}, shown));
}

function outcome(attempt) {
  const verdict = { true: "right", false: "wrong" }[attempt.correct];
  const said = attempt.answer ?? "(no answer: no step was left)";
  return [
    attempt.thought ? el("p", { class: "thought" }, attempt.thought) : null,
    el("p", { class: "said" }, said, verdict ? el("span", { class: `verdict ${verdict}` }, verdict) : null),
    attempt.hint ? el("p", { class: "hint" }, attempt.hint) : null,
  ];
}

/** The trace as it is exported: prose, boxes in focus, and the crops in their places. */
function trace(entry, stops, card) {
  const looks = stops.filter((stop) => stop.part);
  const part = (segment) => {
    if (segment.kind === "focus") return el("code", { class: "focus" }, `[${segment.box.join(", ")}]`);
    if (segment.kind === "zoom") return el("ol", {}, card(looks.shift()));
    return el("p", { class: segment.kind }, segment.text);
  };
  return el("section", { class: "trace" }, el("h3", {}, "The trace"), entry.trace.map(part));
}
