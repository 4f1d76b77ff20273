// The page's state is the query of /image and the fragment of the page: seed=5&label=3&s1=0.5.
// Pictures are requested one at a time; the newest state waits until the current one has loaded.

const byId = (id) => document.getElementById(id);
const about = await (await fetch("/about")).json();
const { width, height } = about.image;
const MOST_SEED = Number.MAX_SAFE_INTEGER;
const SURPRISES = 1_000_000; // seeds short enough to remember
const NO_TRUNCATION = Number(byId("truncation").max);
const PAUSE = 120; // ms without a change before the small pictures are drawn

const state = { seed: 0, label: 0, truncation: NO_TRUNCATION, moved: new Map() };

function query(more = {}, moved = state.moved) {
  const parameters = new URLSearchParams({ seed: state.seed });
  if (about.classes.length) parameters.set("label", state.label);
  if (state.truncation < NO_TRUNCATION) parameters.set("truncation", state.truncation);
  for (const [axis, value] of [...moved].sort(([a], [b]) => a - b)) parameters.set(`s${axis}`, value);
  for (const [name, value] of Object.entries(more)) parameters.set(name, value);
  return parameters.toString();
}

function readFragment() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const number = (name, low, high, fallback) => {
    const value = Number(fragment.get(name) ?? NaN);
    return Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : fallback;
  };
  state.seed = Math.floor(number("seed", 0, MOST_SEED, 0));
  state.label = Math.floor(number("label", 0, Math.max(0, about.classes.length - 1), 0));
  state.truncation = number("truncation", 0.2, NO_TRUNCATION, NO_TRUNCATION);
  state.moved.clear();
  for (let axis = 1; axis <= about.axes; axis += 1) {
    const value = number(`s${axis}`, -about.reach, about.reach, null);
    if (value !== null) state.moved.set(axis, value);
  }
}

// Controls ------------------------------------------------------------------------------------------

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const small = (columns = 1) =>
  element("canvas", { width: width * columns, height, ariaHidden: "true" });

// The classes of a conditional generator; the next seeds for any other.
const tiles = about.classes.length
  ? about.classes.slice(0, about.most_classes).map((name, label) => {
      const input = element("input", { type: "radio", name: "label", value: label });
      input.addEventListener("change", () => change({ label }));
      const canvas = small();
      const tile = element("label", { className: "tile", title: name }, input, canvas,
        element("span", { textContent: name }));
      return { tile, input, canvas };
    })
  : Array.from({ length: about.next_seeds }, (_, index) => {
      const canvas = small();
      const name = element("span");
      const tile = element("button", { type: "button", className: "tile" }, canvas, name);
      tile.addEventListener("click", () => goTo(state.seed + index + 1));
      return { tile, canvas, name };
    });

const sliders = Array.from({ length: about.axes }, (_, index) => {
  const axis = index + 1;
  const input = element("input", {
    type: "range", id: `s${axis}`, min: -about.reach, max: about.reach, step: 0.05,
    ariaLabel: `Direction ${axis}`,
  });
  const output = element("output", { htmlFor: input.id });
  const canvas = small(about.stops.length);
  const move = (value) => {
    state.moved.set(axis, value);
    change();
  };
  const row = element("div", { className: "slider" },
    element("label", { htmlFor: input.id, textContent: axis }), input, output, canvas);
  input.addEventListener("input", () => move(input.valueAsNumber));
  canvas.addEventListener("click", ({ offsetX }) => {
    const stop = Math.floor((offsetX / canvas.clientWidth) * about.stops.length);
    move(about.stops[Math.min(about.stops.length - 1, Math.max(0, stop))]);
  });
  return { row, input, output, canvas };
});

function describe() {
  const digits = about.classes.every((name) => /^\d$/.test(name));
  byId("chooser-name").textContent =
    about.classes.length === 0 ? "Next seeds" : digits ? "Digit" : "Class";
  byId("tiles").append(...tiles.map(({ tile }) => tile));
  byId("sliders").append(...sliders.map(({ row }) => row));
  byId("latent-dim").textContent = about.latent_dim;
  byId("about").textContent =
    `This generator: ${about.name || "unnamed"} (${about.family}, ` +
    `${about.parameters.toLocaleString("en")} parameters), ${width} x ${height} pixels, trained on ` +
    `${about.data} for ${about.step.toLocaleString("en")} steps.`;
  byId("picture").width = width;
  byId("picture").height = height;
}

// Sliders that were not moved show the coordinates of the seed.
function show(coordinates) {
  byId("seed").value = state.seed;
  byId("truncation").value = state.truncation;
  byId("truncation-value").value = state.truncation < NO_TRUNCATION ? state.truncation : "all";
  byId("reset").disabled = state.moved.size === 0;
  tiles.forEach(({ input, name, tile }, index) => {
    if (input) input.checked = index === state.label;
    else {
      name.textContent = state.seed + index + 1;
      tile.ariaLabel = `Seed ${state.seed + index + 1}`;
    }
  });
  sliders.forEach(({ row, input, output }, index) => {
    const value = state.moved.get(index + 1) ?? coordinates?.[index];
    row.classList.toggle("moved", state.moved.has(index + 1));
    if (value === undefined) return;
    if (document.activeElement !== input || !state.moved.has(index + 1)) input.value = value;
    output.value = value.toFixed(1).replace("-", "\u2212");
  });
}

// Pictures ------------------------------------------------------------------------------------------

async function load(address, image = new Image()) {
  image.src = address;
  await image.decode();
  return image;
}

let busy = false;
let pause;

async function draw() {
  show();
  clearTimeout(pause);
  pause = setTimeout(drawSmall, PAUSE);
  if (busy) return;
  busy = true;
  const picture = byId("picture");
  try {
    for (let now = query(); picture.dataset.query !== now; now = query()) {
      await load(`/image?${now}`, picture);
      picture.dataset.query = now;
    }
    byId("trouble").textContent = "";
  } catch {
    byId("trouble").textContent =
      "No answer. Is mnistgan play still running? If not, start it again and reload this page.";
  }
  busy = false;
  const name = about.classes[state.label];
  picture.alt = `Seed ${state.seed}${name === undefined ? "" : `, ${name}`}`;
}

// A sheet is a grid of images with black gaps; each canvas shows one row or one image of it.
function cut(sheet, canvas, row, column, columns) {
  const gap = (sheet.naturalWidth - columns * width) / (columns + 1);
  const pen = canvas.getContext("2d");
  for (let x = 0; x * width < canvas.width; x += 1) {
    pen.drawImage(sheet, gap + (column + x) * (width + gap), gap + row * (height + gap), width, height,
      x * width, 0, width, height);
  }
}

async function drawSmall() {
  const now = query();
  history.replaceState(null, "", `#${now}`);
  const download = byId("download");
  download.href = `/image?${query({ side: 448 })}`;
  download.download = `mnistgan-${now.replaceAll(/[^\w.-]+/g, "-")}.png`;
  try {
    const coordinates = await (await fetch(`/point?${now}`)).json();
    if (now === query()) show(coordinates);
    // Choosing another seed resets the sliders, so the next seeds are drawn without them.
    const others = about.classes.length
      ? query({ sheet: "classes" })
      : query({ sheet: "seeds" }, new Map());
    const row = await load(`/image?${others}`);
    tiles.forEach(({ canvas }, index) => cut(row, canvas, 0, index, tiles.length));
    if (now !== query()) return; // a newer state is about to be drawn
    const axes = await load(`/image?${query({ sheet: "axes" })}`);
    sliders.forEach(({ canvas }, index) => cut(axes, canvas, index, 0, about.stops.length));
    document.body.dataset.drawn = now;
  } catch {
    // draw() reports it
  }
}

// Changes -------------------------------------------------------------------------------------------

function change(changes = {}) {
  Object.assign(state, changes);
  draw();
}

function goTo(seed) {
  state.moved.clear();
  change({ seed: Math.min(MOST_SEED, Math.max(0, Math.floor(seed))) });
}

byId("surprise").addEventListener("click", () => goTo(Math.random() * SURPRISES));
byId("seed").addEventListener("input", ({ target }) => {
  if (target.value !== "" && target.validity.valid) goTo(target.valueAsNumber);
});
byId("seed").addEventListener("change", () => show());
byId("truncation").addEventListener("input", ({ target }) => {
  change({ truncation: target.valueAsNumber });
});
byId("reset").addEventListener("click", () => {
  state.moved.clear();
  draw();
});
addEventListener("hashchange", () => {
  readFragment();
  draw();
});

describe();
readFragment();
draw();
