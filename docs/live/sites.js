// Colours and clusters of sites, as kuramoto_nn.plot and kuramoto_nn.clustering compute them.
// Sites are rows of `width` numbers in one array.

const PALETTE = [
  ...["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"],
  ...["#a86bfd", "#94c793", "#762b67", "#5df9f4", "#6b4300"],
].map((color) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16)));
const GROUND = [0x26, 0x29, 0x32];
const ROUNDS = 300; // of the power iteration

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

/** Rows minus their mean, as arrays. */
function centred(values, width) {
  const rows = Array.from({ length: values.length / width }, (_, i) =>
    Float64Array.from(values.subarray(i * width, (i + 1) * width))
  );
  const mean = new Float64Array(width);
  for (const row of rows) row.forEach((value, i) => (mean[i] += value / rows.length));
  for (const row of rows) mean.forEach((value, i) => (row[i] -= value));
  return rows;
}

/** The two principal directions of centred rows, by power iteration on their covariance. */
export function principalPlane(values, width) {
  const rows = centred(values, width);
  const covariance = Array.from({ length: width }, () => new Float64Array(width));
  for (const row of rows) {
    row.forEach((a, i) => row.forEach((b, j) => (covariance[i][j] += a * b)));
  }
  const axes = [];
  for (let n = 0; n < 2; n++) {
    let axis = Float64Array.from({ length: width }, (_, i) => Math.cos(i + n + 1));
    for (let round = 0; round < ROUNDS; round++) {
      axis = Float64Array.from(covariance, (row) => dot(row, axis));
      for (const other of axes) {
        const along = dot(axis, other);
        axis.forEach((_, i) => (axis[i] -= along * other[i]));
      }
      const length = Math.sqrt(dot(axis, axis)) || 1;
      axis.forEach((_, i) => (axis[i] /= length));
    }
    axes.push(axis);
  }
  for (const axis of axes) {
    // The sign makes the outermost site positive.
    const outermost = rows.map((row) => dot(row, axis)).reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
    if (outermost < 0) axis.forEach((value, i) => (axis[i] = -value));
  }
  return axes;
}

/** RGB of every site: its direction in the plane is the hue, its distance the strength. */
export function phaseColors(values, width, axes) {
  const points = centred(values, width).map((row) => axes.map((axis) => dot(row, axis)));
  const spread = Math.sqrt(points.reduce((sum, point) => sum + dot(point, point), 0) / points.length);
  return points.map((point) => {
    const [x, y] = spread < 1e-4 ? [0, 0] : point.map((value) => value / spread);
    const radius = Math.hypot(x, y);
    const strength = radius ** 2 / (1 + radius ** 2);
    const chroma = (0.14 * strength) / Math.max(radius, 1e-6);
    return fromOklab(0.38 + 0.42 * strength, chroma * x, chroma * y);
  });
}

function fromOklab(lightness, a, b) {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((value) => {
    const linear = Math.max(0, Math.min(value, 1));
    const curved = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
    return 255 * Math.max(0, Math.min(curved, 1));
  });
}

/** RGB of labels; the cluster with the most black sites is drawn as the ground. */
export function labelColors(labels, isBlack) {
  const black = [];
  labels.forEach((label, site) => (black[label] = (black[label] ?? 0) + isBlack[site]));
  const ground = black.indexOf(Math.max(...black));
  return labels.map((label) =>
    label === ground ? GROUND : PALETTE[(label - (label > ground)) % PALETTE.length]
  );
}

/** Average linkage (UPGMA) of rows of unit length, by chains of nearest neighbours. */
export function averageLinkage(values, width, clusters) {
  const count = values.length / width;
  const distance = distances(values, width, count);
  const size = new Int32Array(count).fill(1);
  const merges = [];
  const chain = [];
  while (merges.length < count - 1) {
    if (!chain.length) chain.push(size.findIndex((n) => n > 0));
    const last = chain.at(-1);
    // On ties the one before in the chain, so that a chain ends.
    let nearest = chain.length > 1 ? chain.at(-2) : -1;
    let least = nearest < 0 ? Infinity : distance[last * count + nearest];
    for (let i = 0; i < count; i++) {
      if (size[i] && i !== last && distance[last * count + i] < least) {
        [nearest, least] = [i, distance[last * count + i]];
      }
    }
    if (nearest !== chain.at(-2)) {
      chain.push(nearest);
      continue;
    }
    chain.length -= 2;
    const [kept, gone] = [Math.min(last, nearest), Math.max(last, nearest)];
    merges.push({ kept, gone, least });
    const total = size[kept] + size[gone];
    for (let i = 0; i < count; i++) {
      const [a, b] = [distance[kept * count + i], distance[gone * count + i]];
      const merged = (size[kept] * a + size[gone] * b) / total;
      distance[kept * count + i] = distance[i * count + kept] = merged;
    }
    [size[kept], size[gone]] = [total, 0];
  }
  return cut(merges, count, clusters);
}

function distances(values, width, count) {
  const rows = Array.from({ length: count }, (_, i) => unit(values.subarray(i * width, (i + 1) * width)));
  const distance = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      const [a, b] = [rows[i], rows[j]];
      let square = 0;
      for (let d = 0; d < width; d++) square += (a[d] - b[d]) ** 2;
      distance[i * count + j] = distance[j * count + i] = Math.sqrt(square);
    }
  }
  return distance;
}

function unit(row) {
  const length = Math.max(Math.sqrt(dot(row, row)), 1e-12);
  return Float64Array.from(row, (value) => value / length);
}

/** Labels 0 to K - 1 by first appearance after all but the K - 1 highest merges. */
function cut(merges, count, clusters) {
  const parent = [...Array(count).keys()];
  const root = (site) => (parent[site] === site ? site : (parent[site] = root(parent[site])));
  merges.sort((a, b) => a.least - b.least);
  for (const { kept, gone } of merges.slice(0, count - clusters)) parent[root(gone)] = root(kept);
  const numbers = new Map();
  return parent.map((_, site) => {
    const own = root(site);
    if (!numbers.has(own)) numbers.set(own, numbers.size);
    return numbers.get(own);
  });
}
