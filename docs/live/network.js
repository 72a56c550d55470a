// A network in the browser: the start of its last block and one step of it, as ONNX graphs.

const address = (name) => new URL(name, import.meta.url).href;
let ort;

/** Load the runtime and `live.json`; the error says what is missing. */
export async function open() {
  if (typeof WebAssembly === "undefined") {
    throw new Error(
      "This page needs WebAssembly, which this browser lacks or has switched off. " +
        "A current Firefox, Chrome, Edge or Safari has it."
    );
  }
  ort = await import("./ort.js");
  ort.env.wasm.numThreads = 1; // more need headers that a plain web server does not send
  const answer = await fetch(address("live.json"));
  if (!answer.ok) throw new Error(`The networks are missing (${answer.status}): reload the page.`);
  return answer.json();
}

export const graph = (name) => ort.InferenceSession.create(address(`${name}.onnx`));
export const floats = (values, shape) => new ort.Tensor("float32", values, shape);

/** Digits 0 to 9 as the integers that a solver reads. */
export const integers = (values, shape) =>
  new ort.Tensor("int64", BigInt64Array.from(values, BigInt), shape);

export class Network {
  static async load(name) {
    return Object.assign(new Network(), {
      begin: await graph(`${name}-start`),
      step: await graph(`${name}-step`),
    });
  }

  /** State at time 0 of inputs `given` (B, ...) from noise (B, C, h, w). */
  start(given, noise) {
    return this.begin.run({ given, noise });
  }

  /** Energy, output and (of a solver) agreement of a state {x, c}; the state one step later. */
  async observe({ x, c }) {
    const { following, energy, output, agreement } = await this.step.run({ x, c });
    return {
      next: { x: following, c },
      x: x.data,
      energy: energy.data,
      output: output.data,
      agreement: agreement?.data,
    };
  }
}

/** `count` standard normal numbers that depend on the seeds only (mulberry32, Box-Muller). */
export function normals(count, ...seeds) {
  let state = seeds.reduce((mixed, seed) => Math.imul(mixed ^ (seed + 1), 0x9e3779b1), 0x51ed270b);
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    numbers[i] = radius * Math.cos(angle);
    if (i + 1 < count) numbers[i + 1] = radius * Math.sin(angle);
  }
  return numbers;
}

/** Noise (samples, ...shape); that of a sample does not depend on how many there are. */
export function noise(seed, samples, shape) {
  const size = shape.reduce((product, side) => product * side);
  const values = new Float32Array(samples * size);
  for (let k = 0; k < samples; k++) values.set(normals(size, seed, k), k * size);
  return floats(values, [samples, ...shape]);
}
