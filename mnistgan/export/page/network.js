// G's forward pass. Each layer is an affine map and an activation; see mnistgan/export/layers.py for
// the order of the numbers. Images are channels-last: [pixel][channel].

const ACTIVATIONS = {
  none: (x) => x,
  relu: (x) => (x > 0 ? x : 0),
  leaky_relu: (x, slope) => (x > 0 ? x : slope * x),
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

// y[yAt + row] += weights[at + row * columns ...] . x[xAt ...]
function multiply(weights, at, rows, columns, x, xAt, y, yAt) {
  let row = 0;
  // Four rows at a time: their sums do not wait for each other, and each x is loaded once.
  for (; row + 4 <= rows; row += 4) {
    const [w0, w1] = [at + row * columns, at + (row + 1) * columns];
    const [w2, w3] = [w1 + columns, w1 + 2 * columns];
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let i = 0; i < columns; i += 1) {
      const value = x[xAt + i];
      a += weights[w0 + i] * value;
      b += weights[w1 + i] * value;
      c += weights[w2 + i] * value;
      d += weights[w3 + i] * value;
    }
    y[yAt + row] += a;
    y[yAt + row + 1] += b;
    y[yAt + row + 2] += c;
    y[yAt + row + 3] += d;
  }
  for (; row < rows; row += 1) {
    const start = at + row * columns;
    let sum = 0;
    for (let i = 0; i < columns; i += 1) sum += weights[start + i] * x[xAt + i];
    y[yAt + row] += sum;
  }
}

function linear({ weights, bias, inputs, outputs }, x) {
  const y = bias.slice();
  multiply(weights, 0, outputs, inputs, x, 0, y, 0);
  return y;
}

// Kernel 4, stride 2, padding 1: input pixel i adds to the output pixels 2i - 1 to 2i + 2.
function convTranspose({ weights, bias, inputs, outputs, side }, x) {
  const y = new Float32Array(4 * side * side * outputs);
  for (let at = 0; at < y.length; at += outputs) y.set(bias, at);
  for (let tap = 0; tap < 16; tap += 1) {
    const [down, right] = [(tap >> 2) - 1, (tap & 3) - 1];
    for (let row = 0; row < side; row += 1) {
      const yRow = 2 * row + down;
      if (yRow < 0 || yRow >= 2 * side) continue;
      for (let column = 0; column < side; column += 1) {
        const yColumn = 2 * column + right;
        if (yColumn < 0 || yColumn >= 2 * side) continue;
        multiply(weights, tap * outputs * inputs, outputs, inputs, x, (row * side + column) * inputs,
          y, (yRow * 2 * side + yColumn) * outputs);
      }
    }
  }
  return y;
}

const LAYERS = { linear, conv_transpose: convTranspose };

// The pixels of z, and of a label's embedding after it, as 0 to 255.
function pixels({ layers, embeddings, range: [low, high] }, z, label) {
  let x = new Float32Array([...z, ...(embeddings[label] ?? [])]);
  for (const layer of layers) {
    x = LAYERS[layer.type](layer, x);
    const activation = ACTIVATIONS[layer.activation];
    for (let i = 0; i < x.length; i += 1) x[i] = activation(x[i], layer.slope);
  }
  const scale = 255 / (high - low);
  return Uint8ClampedArray.from(x, (value) => Math.floor((value - low) * scale + 0.5));
}

// Reads a generator from its description and its numbers: float32, then the layers' weights.
function readGenerator(model, bytes) {
  const { layers, floats: count, range, axes, classes, latent_dim, embedding, precision } = model;
  const floats = new Float32Array(bytes, 0, count);
  const stored = new (precision === "int16" ? Int16Array : Float32Array)(bytes, 4 * count);
  let [nextFloat, nextStored] = [0, 0];
  const take = (size) => floats.subarray(nextFloat, (nextFloat += size));
  const takeRows = (rows, size) => Array.from({ length: rows }, () => take(size));
  const generator = { range, axes: takeRows(axes, latent_dim), embeddings: takeRows(classes, embedding) };
  generator.layers = layers.map((layer) => {
    const rows = layer.outputs * (layer.type === "linear" ? 1 : 16);
    const [scales, bias] = [take(rows), take(layer.outputs)];
    const weights = new Float32Array(rows * layer.inputs);
    for (let row = 0, at = 0; row < rows; row += 1) {
      for (const end = at + layer.inputs; at < end; at += 1) {
        weights[at] = stored[nextStored + at] * scales[row];
      }
    }
    nextStored += weights.length;
    return { ...layer, weights, bias };
  });
  return generator;
}
