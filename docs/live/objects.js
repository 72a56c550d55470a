// The object part of the page: a scene of Tetris pieces, the phases of its sites, and clusters.

import { floats, graph, Network, noise } from "./network.js";
import { drawCurve, fixed, Player, whole } from "./player.js";
import { averageLinkage, labelColors, phaseColors, principalPlane } from "./sites.js";

const SIDE = 32;
const BLOCK = 5;
const COLORS = ["red", "green", "blue", "yellow", "magenta", "cyan"];

/** Put per-view maps (r * r, C, h, w) side by side: sites of the fine map as rows of C numbers. */
export function interleave(maps, channels, [height, width], r) {
  const rows = new Float32Array(maps.length);
  const sites = height * width;
  for (let view = 0; view < r * r; view++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let site = 0; site < sites; site++) {
        const y = Math.floor(site / width) * r + Math.floor(view / r);
        const x = (site % width) * r + (view % r);
        rows[(y * width * r + x) * channels + channel] = maps[(view * channels + channel) * sites + site];
      }
    }
  }
  return rows;
}

/** Pixels (3, 32, 32) from 0 to 1; of two pieces at a place the later one is seen. */
export function render(pieces, { colors, shading, pieces: shapes }) {
  const pixels = new Float32Array(3 * SIDE * SIDE);
  for (const { shape, color, row, column } of pieces) {
    for (const [down, right] of shapes[shape]) {
      for (let y = 0; y < BLOCK; y++) {
        for (let x = 0; x < BLOCK; x++) {
          const [py, px] = [row + down + y, column + right + x];
          if (py < 0 || px < 0 || py >= SIDE || px >= SIDE) continue;
          colors[color].forEach((on, channel) => {
            pixels[(channel * SIDE + py) * SIDE + px] = (on * shading[y][x]) / 255;
          });
        }
      }
    }
  }
  return pixels;
}

function draw(canvas, colors) {
  const side = (canvas.width = canvas.height = Math.sqrt(colors.length));
  const image = canvas.getContext("2d").createImageData(side, side);
  colors.forEach((color, site) => image.data.set([...color, 255], 4 * site));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Height and width of a piece, in pixels. */
const extent = (blocks) => [0, 1].map((axis) => Math.max(...blocks.map((block) => block[axis])) + BLOCK);

export async function start(root, info) {
  info.pieces.push([[0, 0]]); // a single block
  const [network, views] = [await Network.load("objects"), await graph("objects-views")];
  const find = (selector) => root.querySelector(selector);
  const [status, canvas] = [find(".status"), find(".scene")];
  const [seed, clusters, detail] = ["seed", "clusters", "detail"].map((name) => find(`[name=${name}]`));
  const player = new Player(root, show);
  const chosen = (name) => +find(`[name=${name}]:checked`).value;
  let pieces = [
    { shape: 9, color: 0, row: 2, column: 3 },
    { shape: 4, color: 5, row: 5, column: 17 },
    { shape: 2, color: 3, row: 19, column: 12 },
  ];
  let cursor = { row: 13, column: 13 };
  let held = null;

  const occupies = (piece, row, column) =>
    info.pieces[piece.shape].some(([down, right]) => {
      const [y, x] = [row - piece.row - down, column - piece.column - right];
      return y >= 0 && x >= 0 && y < BLOCK && x < BLOCK;
    });
  const pieceAt = (row, column) => pieces.findLastIndex((piece) => occupies(piece, row, column));

  function drawScene() {
    const pixels = render(pieces, info);
    const colors = Array.from({ length: SIDE ** 2 }, (_, i) =>
      [0, 1, 2].map((channel) => 255 * pixels[channel * SIDE ** 2 + i])
    );
    draw(canvas, colors);
    const ghost = find(".ghost");
    ghost.innerHTML = info.pieces[chosen("shape")]
      .map(([y, x]) => `<rect x="${cursor.column + x}" y="${cursor.row + y}" width="5" height="5"/>`)
      .join("");
  }

  /** Compute all steps of the scene, as phases are coloured by the last state; then show it. */
  function run(t = player.t) {
    drawScene();
    for (const field of [seed, clusters, player.fields.steps]) field.value = whole(field);
    if (!pieces.length) {
      player.restart(null);
      for (const map of [".phases", ".clusters"]) draw(find(map), [[0, 0, 0]]);
      status.textContent = "The picture is empty: place a piece.";
      return;
    }
    let states;
    player.restart(async () => (states ??= await compute()).shift(), t);
  }

  async function compute() {
    const r = detail.checked ? info.patch : 1;
    const image = floats(render(pieces, info), [1, 3, SIDE, SIDE]);
    const given = r > 1 ? (await views.run({ image })).views : image;
    let state = await network.start(given, noise(+seed.value, r * r, [info.channels, ...info.grid]));
    const states = [];
    for (let t = 0; t <= +player.fields.time.max; t++) {
      const { next, x, energy, output } = await network.observe(state);
      const [sites, features] = [x, output].map((maps) => interleave(maps, info.channels, info.grid, r));
      states.push({ sites, features, energy: [energy.reduce((a, b) => a + b) / energy.length] });
      state = next;
    }
    const axes = principalPlane(states.at(-1).sites, info.channels);
    for (const state of states) state.colors = phaseColors(state.sites, info.channels, axes);
    return states;
  }

  function show(states, t) {
    const state = states[t];
    const count = +clusters.value;
    if (state.count !== count) {
      state.labels = averageLinkage(state.features, info.channels, count);
      state.count = count;
    }
    draw(find(".phases"), state.colors);
    draw(find(".clusters"), labelColors(state.labels, blackSites(state.labels.length)));
    drawCurve(find("svg.curve"), states.map(({ energy }) => energy), 0, t, +player.fields.time.max);
    find(".now").textContent = `Step ${t}: energy ${fixed(state.energy[0])}`;
    const noun = pieces.length === 1 ? "piece" : "pieces";
    const told = `Step ${t}: ${pieces.length} ${noun}, ${count} clusters.`;
    status.textContent = player.running ? "Running." : told;
  }

  /** Whether the middle of each site is black in the picture. */
  function blackSites(count) {
    const side = Math.sqrt(count);
    const pixel = (index) => Math.floor(((index + 0.5) * SIDE) / side);
    return Array.from({ length: count }, (_, site) => {
      const [row, column] = [pixel(Math.floor(site / side)), pixel(site % side)];
      return !pieces.some((piece) => occupies(piece, row, column));
    });
  }

  function place(row, column) {
    pieces.push({ shape: chosen("shape"), color: chosen("color"), row, column });
    run();
  }

  function remove(index) {
    if (index < 0) return;
    pieces.splice(index, 1);
    run();
  }

  function scatter() {
    const pick = (count) => Math.floor(Math.random() * count);
    const free = () => {
      const shape = pick(info.pieces.length - 1);
      const [row, column] = extent(info.pieces[shape]).map((length) => pick(SIDE - length + 1));
      return { shape, color: pick(COLORS.length), row, column };
    };
    const covered = (scene) =>
      scene.reduce((sum, piece) => sum + BLOCK ** 2 * info.pieces[piece.shape].length, 0) ===
      Array.from({ length: SIDE ** 2 }, (_, i) => [Math.floor(i / SIDE), i % SIDE]).filter((place) =>
        scene.some((piece) => occupies(piece, ...place))
      ).length;
    do pieces = [free(), free(), free()];
    while (!covered(pieces));
    run();
  }

  const pixel = (event) => {
    const { left, top, width } = canvas.getBoundingClientRect();
    return [event.clientY - top, event.clientX - left].map((d) => Math.floor((d / width) * SIDE));
  };
  /** Corner at which the chosen piece is centred on a pixel. */
  const corner = ([row, column]) => {
    const [height, width] = extent(info.pieces[chosen("shape")]);
    return [row - Math.floor(height / 2), column - Math.floor(width / 2)];
  };
  canvas.onclick = (event) => {
    if (pieceAt(...pixel(event)) < 0) place(...corner(pixel(event)));
  };
  canvas.onpointerdown = (event) => {
    const [row, column] = pixel(event);
    const piece = pieces[pieceAt(row, column)];
    if (!piece) return;
    held = { piece, row: piece.row - row, column: piece.column - column };
    canvas.setPointerCapture(event.pointerId);
  };
  canvas.ontouchstart = (event) => {
    if (pieceAt(...pixel(event.touches[0])) >= 0) event.preventDefault(); // drags, does not scroll
  };
  canvas.onpointermove = (event) => {
    const [row, column] = pixel(event);
    if (held) Object.assign(held.piece, { row: held.row + row, column: held.column + column });
    [cursor.row, cursor.column] = held ? [held.piece.row, held.piece.column] : corner([row, column]);
    drawScene();
  };
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (held) run();
    held = null;
  };
  canvas.onkeydown = (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const stride = event.shiftKey ? BLOCK : 1;
    const inside = (value) => Math.max(-BLOCK + 1, Math.min(value, SIDE - 1));
    if (move) {
      cursor.row = inside(cursor.row + stride * move[0]);
      cursor.column = inside(cursor.column + stride * move[1]);
    } else if (event.key === "Enter" || event.key === " ") place(cursor.row, cursor.column);
    else if (event.key === "Delete" || event.key === "Backspace") {
      const outline = info.pieces[chosen("shape")];
      const touches = (piece) =>
        outline.some(([down, right]) => occupies(piece, cursor.row + down + 2, cursor.column + right + 2));
      remove(pieces.findLastIndex(touches));
    } else return;
    event.preventDefault();
    drawScene();
    if (move) status.textContent = `Row ${cursor.row + 1}, column ${cursor.column + 1}.`;
  };

  choices(find(".shapes"), "shape", info.pieces.map(outline), (i) => `piece ${i + 1}`);
  choices(find(".colors"), "color", info.colors.map(swatch), (i) => COLORS[i]);
  root.addEventListener("change", (event) => {
    if (["shape", "color"].includes(event.target.name)) drawScene();
    else if (["seed", "detail", "steps"].includes(event.target.name)) run();
    else if (event.target === clusters) (clusters.value = whole(clusters)), player.goto(player.t);
  });
  find("[name=scatter]").onclick = scatter;
  find("[name=undo]").onclick = () => remove(pieces.length - 1);
  find("[name=clear]").onclick = () => ((pieces = []), run());
  player.fields.steps.value = player.fields.time.max = info.steps;
  run(info.steps);
}

/** Radio buttons that show a picture. */
function choices(fieldset, name, pictures, label) {
  fieldset.insertAdjacentHTML(
    "beforeend",
    pictures
      .map(
        (picture, i) =>
          `<label title="${label(i)}"><input type="radio" name="${name}" value="${i}" ` +
          `aria-label="${label(i)}"${i ? "" : " checked"}>${picture}</label>`
      )
      .join("")
  );
}

function outline(blocks) {
  const [height, width] = extent(blocks);
  const rects = blocks.map(([y, x]) => `<rect x="${x}" y="${y}" width="4.5" height="4.5"/>`);
  const box = `${(width - 20) / 2} ${(height - 20) / 2} 20 20`;
  return `<svg viewBox="${box}" aria-hidden="true">${rects.join("")}</svg>`;
}

const swatch = (color) =>
  `<svg viewBox="0 0 20 20" aria-hidden="true">` +
  `<rect width="20" height="20" style="fill:rgb(${color.map((on) => 255 * on)})"/></svg>`;
