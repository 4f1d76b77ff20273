// The backend of a page without a server: it draws all pictures itself. See mnistgan/play/page/page.js.

const { about, model } = JSON.parse(document.getElementById("model").textContent);
const text = atob(document.getElementById("numbers").textContent.trim());
const bytes = new Uint8Array(text.length);
for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
const generator = readGenerator(model, bytes.buffer);
const { width, height } = about.image;
const SLICE = 8; // ms of work after which the page may respond to its user

let drawnSeed;

function seedZ(seed, truncation) {
  const key = `${seed} ${truncation}`;
  if (drawnSeed?.key !== key) {
    const z = normal(seed, BigInt(model.stream), model.latent_dim);
    drawnSeed = { key, z: truncation ? truncated(z, Number(truncation)) : z };
  }
  return drawnSeed.z;
}

const dot = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);

// z with the given coordinates along some directions; the directions are orthonormal.
function place(z, at) {
  const moved = Float32Array.from(z);
  for (const [axis, value] of at) {
    const direction = generator.axes[axis - 1];
    const distance = value - dot(z, direction);
    direction.forEach((one, index) => (moved[index] += distance * one));
  }
  return moved;
}

function zOf(query) {
  const at = [...query].filter(([key]) => /^s\d/.test(key));
  return place(seedZ(BigInt(query.get("seed")), query.get("truncation")),
    at.map(([key, value]) => [Number(key.slice(1)), Number(value)]));
}

function canvasOf(columns, rows = 1) {
  return Object.assign(document.createElement("canvas"),
    { width: columns * width, height: rows * height });
}

function put(pen, z, label, column, row) {
  const drawn = pixels(generator, z, label);
  const channels = drawn.length / (width * height);
  const image = pen.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      image.data[4 * pixel + channel] = drawn[pixel * channels + (channels === 3 ? channel : 0)];
    }
    image.data[4 * pixel + 3] = 255;
  }
  pen.putImageData(image, column * width, row * height);
}

// The rows of a sheet, each as a list of [z, label].
function* sheetRows(query) {
  const [z, label, kind] = [zOf(query), Number(query.get("label")), query.get("sheet")];
  if (kind === "classes") {
    yield about.classes.slice(0, about.most_classes).map((_, one) => [z, one]);
  } else if (kind === "seeds") {
    const seeds = Array.from({ length: about.next_seeds }, (_, index) =>
      (BigInt(query.get("seed")) + BigInt(index) + 1n) % BigInt(about.seeds));
    yield seeds.map((seed) => [seedZ(seed, query.get("truncation")), label]);
  } else {
    for (let axis = 1; axis <= about.axes; axis += 1) {
      yield about.stops.map((stop) => [place(z, [[axis, stop]]), label]);
    }
  }
}

let newestSheet = 0;

async function sheet(query) {
  const mine = (newestSheet += 1);
  const rows = [...sheetRows(query)];
  const canvas = canvasOf(rows[0].length, rows.length);
  const pen = canvas.getContext("2d");
  let began = performance.now();
  for (const [row, images] of rows.entries()) {
    for (const [column, [z, label]] of images.entries()) {
      put(pen, z, label, column, row);
      if (performance.now() - began > SLICE) {
        await new Promise((resolve) => setTimeout(resolve));
        if (mine !== newestSheet) throw new Error("a newer sheet is being drawn");
        began = performance.now();
      }
    }
  }
  return canvas;
}

// One image, enlarged to a side of at least so many pixels.
function one(query) {
  const small = canvasOf(1);
  put(small.getContext("2d"), zOf(query), Number(query.get("label")), 0, 0);
  const scale = Math.ceil(Number(query.get("side") ?? 1) / Math.max(width, height));
  const large = canvasOf(scale, scale);
  const pen = large.getContext("2d");
  pen.imageSmoothingEnabled = query.has("smooth");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(small, 0, 0, large.width, large.height);
  return large;
}

globalThis.backend = {
  trouble: "This browser cannot draw the picture. Try a newer one.",
  about: async () => about,
  point: async (text) => {
    const z = zOf(new URLSearchParams(text));
    return generator.axes.map((direction) => dot(z, direction));
  },
  image: async (text) => {
    const query = new URLSearchParams(text);
    return query.has("sheet") ? sheet(query) : one(query);
  },
  saved: (text) => one(new URLSearchParams(text)).toDataURL("image/png"),
  // For tests: the seed's z, and the pixels of any z.
  z: (seed, truncation) => seedZ(BigInt(seed), truncation),
  pixels: (z, label) => pixels(generator, z, label),
};
