// The Sudoku part of the page.

import { conflicts, contradiction, parseBoard } from "./board.js";
import { integers, Network, noise } from "./network.js";
import { drawCurve, fixed, Player, whole } from "./player.js";

const BOARDS = {
  Easy: "..3.2.6..9..3.5..1..18.64....81.29..7.......8..67.82....26.95..8..2.3..9..5.1.3..",
  Medium: "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79",
  Hard: ".......1.4.........2...........5.4.7..8...3....1.9....3..4..2...5.1........8.6...",
  Harder: "4.....8.5.3..........7......2.....6.....8.4......1.......6.3.7.5..2.....1.4......",
  "Very hard": "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..",
};
const percent = (value) => `${(100 * value).toFixed(1)} %`;

/** Digit and probability of every cell of every sample, from logits (K, 9, 9, 9). */
export function answers(logits) {
  const cells = logits.length / 9;
  const [digits, odds] = [new Uint8Array(cells), new Float32Array(cells)];
  for (let cell = 0; cell < cells; cell++) {
    const values = logits.subarray(9 * cell, 9 * cell + 9);
    const top = Math.max(...values);
    digits[cell] = values.indexOf(top) + 1;
    odds[cell] = 1 / values.reduce((sum, value) => sum + Math.exp(value - top), 0);
  }
  return { digits, odds };
}

export async function start(root, info) {
  const network = await Network.load("sudoku");
  const find = (selector) => root.querySelector(selector);
  const inputs = drawGrid(find(".board"));
  const [status, samples, seed] = [find(".status"), find("[name=samples]"), find("[name=seed]")];
  const [choice, example, text] = [find("[name=choice]"), find("[name=example]"), find("textarea")];
  const player = new Player(root, show);
  let givens = [];
  let selected = null;
  let said = "";

  function say(sentence, kind = "") {
    if (sentence !== said) status.textContent = said = sentence; // screen readers repeat it else
    status.dataset.kind = kind;
  }

  /** Take over a board and start from new noise; a contradiction is shown and not run. */
  function load(board) {
    givens = board;
    example.value = "";
    const problem = contradiction(givens);
    const wrong = problem ? conflicts(givens) : [];
    inputs.forEach((input, cell) => paint(input, cell, { wrong: wrong[cell] }));
    restart(problem);
    if (problem) say(problem, "wrong");
  }

  function restart(problem = contradiction(givens)) {
    const count = (samples.value = whole(samples));
    seed.value = whole(seed);
    for (const option of choice.querySelectorAll("[value]")) option.hidden = +option.value > count;
    let state;
    player.restart(
      problem
        ? null
        : async () => {
            state ??= await network.start(
              integers(Array(+count).fill(givens).flat(), [+count, 9, 9]),
              noise(+seed.value, +count, [info.channels, ...info.grid])
            );
            const { next, energy, output, agreement } = await network.observe(state);
            state = next;
            return { energy, agreement: Int16Array.from(agreement, (a) => 32767 * a), ...judge(output) };
          }
    );
  }

  /** Answers, mean probabilities, and wrong cells of all samples; givens stay as they are. */
  function judge(logits) {
    const { digits, odds } = answers(logits);
    const count = digits.length / 81;
    const boards = [...Array(count).keys()].map((k) =>
      givens.map((given, cell) => given || digits[81 * k + cell])
    );
    const wrong = boards.map(conflicts);
    const mean = boards.map((_, k) => odds.subarray(81 * k, 81 * k + 81).reduce((a, b) => a + b) / 81);
    return { boards, odds, wrong, mean, solved: wrong.map((cells) => !cells.includes(true)) };
  }

  /** The sample that wins by the chosen rule. */
  function winner({ energy, mean }) {
    if (choice.value === "energy") return energy.indexOf(Math.min(...energy));
    if (choice.value === "probability") return mean.indexOf(Math.max(...mean));
    return Math.min(+choice.value, energy.length) - 1;
  }

  /** Agreement of cells with the selected one or with all, from the least (0) to the most (1). */
  function shade(agreement) {
    const row = (cell) => agreement.subarray(81 * cell, 81 * cell + 81);
    const values =
      selected === null ? givens.map((_, cell) => row(cell).reduce((a, b) => a + b)) : [...row(selected)];
    const others = values.filter((_, cell) => cell !== selected);
    const [low, high] = [Math.min(...others), Math.max(...others)];
    return values.map((value) => Math.min((value - low) / (high - low || 1), 1));
  }

  function show(states, t) {
    const state = states[t];
    const k = winner(state);
    const shades = shade(state.agreement.subarray(6561 * k, 6561 * (k + 1)));
    inputs.forEach((input, cell) =>
      paint(input, cell, {
        digit: state.boards[k][cell],
        odds: state.odds[81 * k + cell],
        wrong: state.wrong[k][cell],
        shade: shades[cell],
      })
    );
    const energies = states.map(({ energy }) => energy);
    drawCurve(find("svg"), energies, k, t, +player.fields.time.max);
    find(".now").textContent = `Step ${t}: energy ${fixed(state.energy[k])}`;
    tabulate(state, k);
    const count = state.solved.filter(Boolean).length;
    const all = state.solved.length;
    const votes = all > 1 ? ` ${count} of ${all} starts have solved it.` : "";
    const bad = state.wrong[k].filter(Boolean).length;
    if (state.solved[k]) say(`Solved after ${t} ${t === 1 ? "step" : "steps"}.${votes}`, "solved");
    else if (player.running) say("Running.");
    else {
      const advice = t < +player.fields.time.max ? "" : " Try more steps, more starts or another seed.";
      say(`Step ${t}: ${bad} cells repeat a digit of their row, column or box.${votes}${advice}`);
    }
    return state.solved[k];
  }

  function paint(input, cell, { digit = givens[cell], odds = 1, wrong = false, shade = 0 }) {
    const given = givens[cell] > 0;
    input.value = input.defaultValue = digit || "";
    input.parentElement.classList.toggle("given", given);
    input.parentElement.classList.toggle("wrong", wrong);
    input.style.setProperty("--odds", given ? 1 : odds.toFixed(3));
    input.parentElement.style.setProperty("--shade", shade.toFixed(3));
    const content = given
      ? `given ${digit}`
      : digit
        ? `answer ${digit}, probability ${percent(odds)}`
        : "blank";
    const place = `Row ${Math.floor(cell / 9) + 1}, column ${(cell % 9) + 1}`;
    input.setAttribute("aria-label", `${place}: ${content}${wrong ? ", repeated" : ""}`);
  }

  function tabulate({ energy, mean, wrong, solved }, shown) {
    const [least, largest] = [Math.min(...energy), Math.max(...mean)];
    const mark = (text, best) => `<td${best ? ' class="best"' : ""}>${text}</td>`;
    find("tbody").innerHTML = mean
      .map((value, k) => {
        const rules = solved[k] ? "solved" : `${wrong[k].filter(Boolean).length} repeated`;
        return (
          `<tr${k === shown ? ' class="shown"' : ""}><td>${k + 1}</td>` +
          mark(fixed(energy[k]), energy[k] === least) +
          mark(percent(value), value === largest) +
          mark(rules, false) + "</tr>"
        );
      })
      .join("");
  }

  function read(source) {
    try {
      load(parseBoard(source));
    } catch (error) {
      player.pause();
      say(error.message, "wrong");
    }
  }

  /** Make a cell a given, or blank, as typed. */
  function enter(cell, sign) {
    if (/^[0-9.]$/.test(sign)) return load(givens.with(cell, +sign || 0));
    inputs[cell].value = inputs[cell].defaultValue;
    say(`A cell takes a digit from 1 to 9: got “${sign}”.`, "wrong");
  }

  inputs.forEach((input, cell) => {
    input.oninput = (event) => {
      const typed = event.inputType?.startsWith("delete") ? "0" : (event.data ?? input.value);
      enter(cell, typed.trim().at(-1) ?? "0");
    };
    input.onkeydown = (event) => {
      const step = { ArrowUp: -9, ArrowDown: 9, ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const beyond = Math.abs(step) === 1 && Math.floor(cell / 9) !== Math.floor((cell + step) / 9);
      if (event.key === "Escape") select(null);
      if (!step) return;
      event.preventDefault();
      if (!beyond) inputs[cell + step]?.focus();
    };
    input.onfocus = () => (select(cell), input.select());
    input.onpaste = (event) => {
      event.preventDefault();
      const pasted = event.clipboardData.getData("text");
      if (pasted.trim().length > 1) read(pasted);
      else enter(cell, pasted.trim());
    };
  });

  function select(cell) {
    selected = cell;
    inputs.forEach((input, i) => {
      input.tabIndex = i === (cell ?? 0) ? 0 : -1; // one stop of the tab key; arrows move inside
      input.parentElement.classList.toggle("selected", i === cell);
    });
    player.goto(player.t);
  }

  for (let k = 1; k <= +samples.max; k++) choice.add(new Option(`start ${k}`, k));
  for (const [name, board] of Object.entries(BOARDS)) {
    example.add(new Option(`${name}, ${board.match(/\d/g).length} givens`, board));
  }
  player.fields.steps.value = player.fields.time.max = Math.max(128, info.steps);
  example.onchange = () => {
    const board = example.value;
    read(board);
    example.value = board;
  };
  find("[name=load]").onclick = () => read(text.value);
  find("[name=clear]").onclick = () => load(Array(81).fill(0));
  samples.onchange = seed.onchange = () => restart();
  choice.onchange = () => player.goto(player.t);
  inputs[0].tabIndex = 0;
  example.onchange();
}

function drawGrid(board) {
  return [...Array(9).keys()].flatMap(() => {
    const row = board.appendChild(document.createElement("div"));
    row.setAttribute("role", "row");
    return [...Array(9).keys()].map(() => {
      const cell = row.appendChild(document.createElement("div"));
      cell.setAttribute("role", "gridcell");
      const input = cell.appendChild(document.createElement("input"));
      Object.assign(input, { inputMode: "numeric", autocomplete: "off", tabIndex: -1 });
      return input;
    });
  });
}
