// The index of all entries, what is filtered by, and the entries themselves, which come page by page.

const data = JSON.parse(one("#data").textContent);
const FACETS = { state: "State", kind: "Kind", resolution: "Resolution", zooms: "Zooms", reason: "Reason" };
const places = new Map(data.index.map((line, place) => [line.id, place]));
const pages = new Map(data.pages.map((page) => [page.number, Promise.resolve(page.entries)]));
const arrivals = new Map();

/** What the address asks for: `trace`, the facets and `text`. */
const wanted = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

/** The address of a wish; what is empty is left out. */
function address(wish) {
  const told = Object.entries(wish).filter(([name, value]) => value !== "" || name === "traces");
  return `#${new URLSearchParams(told)}`;
}

/** The lines of the index that a wish leaves, in order. */
function found(wish) {
  const words = (wish.text ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  return data.index.filter(
    (line) =>
      Object.keys(FACETS).every((facet) => !wish[facet] || line[facet] === wish[facet]) &&
      (!words.length || holds(`${line.id} ${line.question} ${line.answer}`.toLowerCase(), words)),
  );
}

const holds = (text, words) => words.every((word) => text.includes(word));

/** How often each value of a facet is there, numbers in order of size, words by how many there are. */
function values(facet) {
  const counts = new Map();
  for (const line of data.index) if (line[facet]) counts.set(line[facet], (counts.get(line[facet]) ?? 0) + 1);
  const numbers = [...counts.keys()].some((value) => Number.isFinite(Number(value)));
  const rank = ([value, times]) => (numbers ? Number(value) || Infinity : -times);
  return [...counts].sort((a, b) => rank(a) - rank(b));
}

/** Called by a page of data as it arrives. */
function received(page) {
  arrivals.get(page.number)(page.entries);
}

/** The entry of an id; its page of data is loaded once. */
async function entryOf(id) {
  const place = places.get(id);
  const number = Math.floor(place / data.pageSize);
  if (!pages.has(number)) pages.set(number, load(number));
  return (await pages.get(number))[place % data.pageSize];
}

function load(number) {
  return new Promise((resolve, reject) => {
    const failed = () => {
      pages.delete(number);
      reject(new Error(`The folder "${data.folder}" is missing beside this page. Keep the two together.`));
    };
    arrivals.set(number, resolve);
    document.head.append(el("script", { src: `${data.folder}/data/${number}.js`, onerror: failed }));
  });
}

/** Where a picture is. */
function picture(name) {
  return name in data.pictures ? `data:image/jpeg;base64,${data.pictures[name]}` : `${data.folder}/${name}`;
}
