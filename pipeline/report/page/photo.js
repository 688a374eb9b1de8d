// The photo with the boxes on it, all in native pixels. The step that is looked at stands out, the rest is dimmed.

function photo(entry, stops, choose) {
  const { width, height, missing, name } = entry.task.photo;
  const shape = svg("svg", { class: "photo", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name });
  shape.style.setProperty("--ratio", width / height);
  if (!missing) shape.append(svg("image", { href: picture(entry.task.photo.picture), width, height }));
  shape.append(svg("path", { class: "shade", "fill-rule": "evenodd" }));
  for (const box of entry.task.evidence) shape.append(rectangle(box, "evidence"));
  stops.forEach((stop, number) => {
    if (stop.view) shape.append(look(stop, Math.max(width, height) / 36, () => choose(number)));
  });
  shape.append(svg("g", { class: "found" }));
  return shape;
}

/** A look: what was shown, numbered in its corner. */
function look(stop, size, onclick) {
  const [x1, y1, x2] = stop.view.box;
  // A look of the search and the zoom that came of it have the same box, and a corner each.
  const corner = stop.part ? { x: x2 - size * 0.3, "text-anchor": "end" } : { x: x1 + size * 0.3 };
  const label = svg("text", { ...corner, y: y1 + size * 1.05, "font-size": size }, stop.label);
  return svg("g", { class: `look ${stop.kind}`, onclick }, rectangle(stop.view.box, "edge"), label);
}

function rectangle([x1, y1, x2, y2], kind) {
  return svg("rect", { class: kind, x: x1, y: y1, width: x2 - x1, height: y2 - y1, "vector-effect": "non-scaling-stroke" });
}

/** Have one stop stand out on the photo; none if there is no such stop or it has no boxes. */
function lightUp(shape, entry, stops, current) {
  const { width, height } = entry.task.photo;
  const looks = stops.filter((stop) => stop.view);
  const stop = stops[current];
  all(".look", shape).forEach((mark, number) => mark.classList.toggle("current", looks[number] === stop));
  const box = stop?.view?.box;
  const hole = box ? `M${box[0]} ${box[1]}H${box[2]}V${box[3]}H${box[0]}Z` : "";
  one(".shade", shape).setAttribute("d", box ? `M0 0H${width}V${height}H0Z${hole}` : "");
  const asked = stop?.box ? [rectangle(stop.box, "asked")] : [];
  put(one(".found", shape), asked, (stop?.boxes ?? []).map((found) => rectangle(found, "box")));
  shape.classList.toggle("chosen", Boolean(box));
}
