// The page of `mnistgan play` and of `mnistgan export --format html`. globalThis.backend draws its
// pictures: about() has the values that the page needs; image(query) is a picture, as an image or a
// canvas; saved(query) the address of its PNG file; point(query) z's coordinates along the directions;
// `trouble` what to say if that fails. A query is that of mnistgan/play/pictures.py.
// The page's state is the query of a picture and the fragment of the page: seed=5&label=3&s1=0.5.
// A seed is a BigInt: most of the seeds that `mnistgan sample` takes are too large for a Number.
// Pictures are requested one at a time; the newest state waits until the current one has loaded.

const byId = (id) => document.getElementById(id);
const { backend } = globalThis;
const about = await backend.about();
const { width, height } = about.image;
const SEEDS = BigInt(about.seeds);
const RANDOM_SEEDS = 1_000_000; // seeds short enough to remember
const SIDE = 224; // pixels of a smooth picture; the browser scales it to its place
const NO_TRUNCATION = Number(byId("truncation").max);
const PAUSE = 120; // ms without a change before the small pictures are drawn
const WALK = Math.SQRT2; // reach of a walk on a slider; a sine's mean square is then that of noise, 1

const state = {
  seed: 0n,
  label: 0,
  truncation: NO_TRUNCATION,
  moved: new Map(),
  pixels: false,
  refused: false, // whether the field or the address holds something that is not a seed
};

function query(more = {}, moved = state.moved) {
  const parameters = new URLSearchParams({ seed: state.seed });
  if (about.classes.length) parameters.set("label", state.label);
  if (state.truncation < NO_TRUNCATION) parameters.set("truncation", state.truncation);
  for (const [axis, value] of [...moved].sort(([a], [b]) => a - b)) parameters.set(`s${axis}`, value);
  for (const [name, value] of Object.entries(more)) parameters.set(name, value);
  return parameters.toString();
}

// The query of the picture of the state, enlarged to a side of at least so many pixels.
const pictureQuery = (side) => query(state.pixels ? { side } : { side, smooth: true });

// The seed that a text gives, or null if `mnistgan sample --seed` would refuse it.
function parseSeed(text) {
  const seed = /^\d{1,19}$/.test(text) ? BigInt(text) : SEEDS;
  return seed < SEEDS ? seed : null;
}

function readFragment() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const number = (name, low, high, fallback) => {
    const value = Number(fragment.get(name) ?? NaN);
    return Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : fallback;
  };
  const seed = fragment.get("seed") ?? "0";
  state.seed = parseSeed(seed) ?? 0n;
  state.refused = parseSeed(seed) === null;
  state.label = Math.floor(number("label", 0, Math.max(0, about.classes.length - 1), 0));
  state.truncation = number("truncation", 0.2, NO_TRUNCATION, NO_TRUNCATION);
  state.pixels = fragment.get("pixels") === "1";
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

const nextSeed = (index) => (state.seed + BigInt(index) + 1n) % SEEDS;

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
      tile.addEventListener("click", () => goTo(nextSeed(index)));
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
    stopWalk();
    state.moved.set(axis, value);
    change();
  };
  const row = element("div", { className: "slider" },
    element("label", { htmlFor: input.id, textContent: `Direction ${axis}` }), output, input, canvas);
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
    about.classes.length === 0
      ? "Go to one of the next seeds"
      : `Choose the ${digits ? "digit" : "class"} to draw`;
  byId("data").textContent = about.data;
  byId("tiles").append(...tiles.map(({ tile }) => tile));
  byId("sliders").append(...sliders.map(({ row }) => row));
  byId("latent-dim").textContent = about.latent_dim;
  byId("about").textContent =
    `This generator: ${about.name || "unnamed"} (${about.family}, ` +
    `${about.parameters.toLocaleString("en")} parameters), ${width} x ${height} pixels, trained on ` +
    `${about.data} for ${about.step.toLocaleString("en")} steps.`;
}

function showSeed() {
  const field = byId("seed");
  // While a seed is typed the field keeps its text, such as "007".
  if (!state.refused && parseSeed(field.value) !== state.seed) field.value = state.seed;
  field.ariaInvalid = state.refused;
  const help = byId("seed-help");
  help.classList.toggle("wrong", state.refused);
  help.textContent = state.refused
    ? `Give a whole number from 0 to ${SEEDS - 1n}, as for mnistgan sample. ` +
      `The picture is that of seed ${state.seed}.`
    : "The same seed always gives the same picture.";
}

// Sliders that were not moved show the coordinates of the seed.
function show(coordinates) {
  showSeed();
  byId("pixels").checked = state.pixels;
  document.body.classList.toggle("sharp", state.pixels);
  byId("truncation").value = state.truncation;
  byId("truncation-value").value = state.truncation < NO_TRUNCATION ? state.truncation : "no limit";
  byId("reset").disabled = state.moved.size === 0;
  tiles.forEach(({ input, name, tile }, index) => {
    if (input) input.checked = index === state.label;
    else {
      name.textContent = nextSeed(index);
      tile.ariaLabel = `Seed ${nextSeed(index)}`;
    }
  });
  sliders.forEach(({ row, input, output }, index) => {
    const value = state.moved.get(index + 1) ?? coordinates?.[index];
    row.classList.toggle("moved", state.moved.has(index + 1));
    if (value === undefined) return;
    if (document.activeElement !== input || !state.moved.has(index + 1)) input.value = value;
    output.value = (Math.round(value * 10) / 10 || 0).toFixed(1).replace("-", "\u2212");
  });
}

// Pictures ------------------------------------------------------------------------------------------

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
    for (let now = pictureQuery(SIDE); picture.dataset.address !== now; now = pictureQuery(SIDE)) {
      const image = await backend.image(now);
      Object.assign(picture, { width: image.width, height: image.height });
      picture.getContext("2d").drawImage(image, 0, 0);
      picture.dataset.address = now;
    }
    byId("trouble").textContent = "";
  } catch {
    byId("trouble").textContent = backend.trouble;
  }
  busy = false;
  const name = about.classes[state.label];
  picture.ariaLabel = `Seed ${state.seed}${name === undefined ? "" : `, ${name}`}`;
}

// A sheet is a grid of images with black gaps; each canvas shows one row or one image of it.
function cut(sheet, canvas, row, column, columns) {
  const gap = (sheet.width - columns * width) / (columns + 1);
  const pen = canvas.getContext("2d");
  for (let x = 0; x * width < canvas.width; x += 1) {
    pen.drawImage(sheet, gap + (column + x) * (width + gap), gap + row * (height + gap), width, height,
      x * width, 0, width, height);
  }
}

function remember(fragment) {
  try {
    history.replaceState(null, "", fragment);
  } catch {
    // Browsers refuse it where a page has no address of its own, such as a preview of an attachment.
  }
}

function prepareDownload() {
  const download = byId("download");
  download.download = `mnistgan-${query().replaceAll(/[^\w.-]+/g, "-")}.png`;
  download.href = backend.saved(pictureQuery(448));
}

async function drawSmall() {
  const now = query();
  remember(`#${now}${state.pixels ? "&pixels=1" : ""}`);
  try {
    prepareDownload();
    const coordinates = await backend.point(now);
    if (now === query()) show(coordinates);
    // Choosing another seed resets the sliders, so the next seeds are drawn without them.
    const others = about.classes.length
      ? query({ sheet: "classes" })
      : query({ sheet: "seeds" }, new Map());
    const row = await backend.image(others);
    tiles.forEach(({ canvas }, index) => cut(row, canvas, 0, index, tiles.length));
    if (now !== query()) return; // a newer state is about to be drawn
    const axes = await backend.image(query({ sheet: "axes" }));
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
  stopWalk();
  state.moved.clear();
  change({ seed, refused: false });
}

let walking = 0; // number of the next animation frame, or 0

// On a walk, each slider moves back and forth at its own pace, from where it is.
function startWalk() {
  const began = performance.now();
  const waves = sliders.map(({ input }, index) => {
    const reach = Math.max(WALK, Math.abs(input.valueAsNumber));
    const start = Math.asin(input.valueAsNumber / reach);
    return { reach, start, pace: (2 * Math.PI) / (9000 + 1300 * index) }; // radians per ms
  });
  const step = (now) => {
    const passed = Math.max(0, now - began);
    waves.forEach(({ reach, start, pace }, index) => {
      state.moved.set(index + 1, Number((reach * Math.sin(start + pace * passed)).toFixed(3)));
    });
    walking = requestAnimationFrame(step);
    draw();
  };
  walking = requestAnimationFrame(step);
  byId("walk").textContent = "Stop";
}

function stopWalk() {
  cancelAnimationFrame(walking);
  walking = 0;
  byId("walk").textContent = "Animate";
}

byId("random").addEventListener("click", () => {
  goTo(BigInt(Math.floor(Math.random() * RANDOM_SEEDS)));
});
byId("download").addEventListener("click", prepareDownload); // the picture of this moment of a walk
byId("seed").addEventListener("input", ({ target }) => {
  const seed = parseSeed(target.value);
  if (seed !== null) goTo(seed);
  // An empty field is about to be filled; badInput is a text that is not a number, such as "--".
  else if (target.value !== "" || target.validity.badInput) change({ refused: true });
});
byId("seed").addEventListener("change", ({ target }) => {
  if (target.value === "" && !target.validity.badInput) change({ refused: false });
});
byId("pixels").addEventListener("change", ({ target }) => change({ pixels: target.checked }));
byId("truncation").addEventListener("input", ({ target }) => {
  change({ truncation: target.valueAsNumber });
});
byId("reset").addEventListener("click", () => {
  stopWalk();
  state.moved.clear();
  draw();
});
byId("walk").addEventListener("click", () => (walking ? stopWalk() : startWalk()));
addEventListener("hashchange", () => {
  stopWalk();
  readFragment();
  draw();
});

describe();
readFragment();
draw();
