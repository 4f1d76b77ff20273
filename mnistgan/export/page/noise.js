// The z of a seed, exactly as mnistgan/models/noise.py draws it: Philox4x64-10 (Salmon et al. 2011),
// then NumPy's ziggurat (Marsaglia & Tsang 2000) for float32. So a seed has the same picture here as
// in `mnistgan sample --seed`.

const WORD = (1n << 64n) - 1n;

// The 32-bit words of Philox with a key of two 64-bit words, from the counter 0 on.
function* words(...key) {
  for (let counter = 1n; ; counter += 1n) {
    let [a, b, c, d] = [counter, 0n, 0n, 0n];
    let [k0, k1] = key;
    for (let round = 0; round < 10; round += 1) {
      const left = a * 0xd2e7470ee14c6c93n;
      const right = c * 0xca5a826395121157n;
      [a, b, c, d] = [(right >> 64n) ^ b ^ k0, right & WORD, (left >> 64n) ^ d ^ k1, left & WORD];
      k0 = (k0 + 0x9e3779b97f4a7c15n) & WORD;
      k1 = (k1 + 0xbb67ae8584caa73bn) & WORD;
    }
    for (const word of [a, b, c, d]) {
      yield Number(word & 0xffffffffn); // the low half first, as in NumPy
      yield Number(word >> 32n);
    }
  }
}

// The ziggurat: 256 layers of equal area under exp(-x^2 / 2), widest first; the tail begins at R.
const R = 3.6541528853610088;
const AREA = 0.00492867323399;
const density = (x) => Math.exp(-0.5 * x * x);
const [heights, widths, inside] = (() => {
  const edges = new Float64Array(257); // edges[i]: right end of layer i; layer 0 has the tail
  edges[256] = AREA / density(R);
  edges[255] = R;
  for (let i = 254; i > 0; i -= 1) {
    edges[i] = Math.sqrt(-2 * Math.log(AREA / edges[i + 1] + density(edges[i + 1])));
  }
  edges[0] = 0;
  const of = (i) => (i === 0 ? edges[256] : edges[i]);
  const below = (i) => (i === 0 ? R : edges[i - 1]);
  return [
    Float32Array.from({ length: 256 }, (_, i) => density(i === 0 ? 0 : edges[i])),
    Float32Array.from({ length: 256 }, (_, i) => of(i) / 2 ** 23),
    Uint32Array.from({ length: 256 }, (_, i) => (below(i) / of(i)) * 2 ** 23),
  ];
})();

function standardNormal(bits) {
  const next = () => bits.next().value;
  const uniform = () => (next() >>> 8) / 2 ** 24;
  for (;;) {
    const word = next();
    const layer = word & 0xff;
    const sign = word & 0x100 ? -1 : 1;
    const place = word >>> 9;
    const x = Math.fround(place * widths[layer]);
    if (place < inside[layer]) return sign * x;
    if (layer === 0) {
      const tailSign = place & 0x100 ? -1 : 1;
      for (;;) {
        const beyond = -Math.log1p(-uniform()) / R;
        const y = -Math.log1p(-uniform());
        if (y + y > beyond * beyond) return tailSign * Math.fround(R + beyond);
      }
    }
    const height = (heights[layer - 1] - heights[layer]) * uniform() + heights[layer];
    if (height < density(x)) return sign * x;
  }
}

function normal(seed, stream, count) {
  const bits = words(seed, stream);
  return Float32Array.from({ length: count }, () => standardNormal(bits));
}

// The distribution function of the standard normal distribution, within 1e-7 of its value (Numerical
// Recipes, 2nd edition, section 6.2, erfcc).
function cdf(x) {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + z / 2);
  const coefficients = [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
    1.00002368, -1.26551223,
  ];
  const tail = (t * Math.exp(-z * z + coefficients.reduce((sum, one) => sum * t + one))) / 2;
  return x > 0 ? 1 - tail : tail;
}

// Noise mapped to the normal distribution truncated to [-limit, limit], as noise.truncated() does.
function truncated(z, limit) {
  const [low, high] = [cdf(-limit), cdf(limit)];
  return z.map((value) => {
    const wanted = low + (high - low) * cdf(value);
    let [left, right] = [-limit, limit];
    for (let i = 0; i < 40; i += 1) {
      const middle = (left + right) / 2;
      if (cdf(middle) < wanted) left = middle;
      else right = middle;
    }
    return (left + right) / 2;
  });
}
