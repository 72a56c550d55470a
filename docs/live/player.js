// Play, step, slider and energy curve of a run. A state is computed when it is first shown.

const breath = () => new Promise((resolve) => setTimeout(resolve)); // lets the page draw

export class Player {
  /** `show(states, t)` draws state t of those computed so far, and returns whether it is the end. */
  constructor(root, show) {
    this.show = show;
    this.fields = Object.fromEntries(
      [...root.querySelectorAll("[name]")].map((element) => [element.name, element])
    );
    const { play, step, reset, time, steps } = this.fields;
    play.onclick = () => (this.timer ? this.pause() : this.play());
    step.onclick = () => (this.pause(), this.goto(this.t + 1));
    reset.onclick = () => (this.pause(), this.goto(0));
    time.oninput = () => (this.pause(), this.goto(+time.value));
    steps.onchange = () => {
      steps.value = whole(steps);
      time.max = steps.value;
      this.goto(this.t);
    };
    time.max = steps.value;
  }

  /** Begin a new run, at time t; `next()` computes one state after the other. Null empties it. */
  restart(next, t = 0) {
    this.pause();
    this.run = next && { next, states: [] };
    for (const name of ["play", "step", "reset", "time"]) this.fields[name].disabled = !next;
    return this.goto(t);
  }

  goto(t) {
    this.t = Math.max(0, Math.min(t, +this.fields.time.max));
    this.stale = true;
    return (this.working ??= this.work().finally(() => (this.working = null)));
  }

  async work() {
    while (this.stale) {
      this.stale = false;
      const run = this.run;
      if (!run) return;
      while (run === this.run && run.states.length <= this.t) {
        run.states.push(await run.next());
        if (run === this.run) this.draw(run, Math.min(this.t, run.states.length - 1));
        await breath();
      }
      if (run === this.run) this.draw(run, this.t);
    }
  }

  draw(run, t) {
    this.fields.time.value = t;
    this.fields.time.setAttribute("aria-valuetext", `${t} of ${this.fields.time.max} steps`);
    this.ended = this.show(run.states, t) || t >= +this.fields.time.max;
  }

  get running() {
    return Boolean(this.timer) && this.t < +this.fields.time.max;
  }

  async play() {
    if (!this.run) return;
    const timer = (this.timer = {});
    this.fields.play.textContent = "Pause";
    if (this.ended) await this.goto(this.t >= +this.fields.time.max ? 0 : this.t + 1);
    while (this.timer === timer && !this.ended) {
      await new Promise((resolve) => setTimeout(resolve, 1000 / this.fields.speed.value));
      if (this.timer === timer) await this.goto(this.t + 1);
    }
    if (this.timer === timer) this.pause();
  }

  pause() {
    this.timer = null;
    this.fields.play.textContent = "Play";
  }
}

/** An energy as text, with a proper minus sign. */
export const fixed = (value) => value.toFixed(1).replace("-", "−");

/** The number of a field as an integer within its limits. */
export function whole(field) {
  const value = Math.round(+field.value || 0);
  return Math.max(+field.min, Math.min(value, +field.max));
}

/** Draw energies, an array per time, as a line per sample; `chosen` stands out, with a dot at t. */
export function drawCurve(svg, energies, chosen, t, steps) {
  const all = energies.flatMap((values) => [...values]);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const x = (time) => 3 + (94 * time) / steps; // in percent of the picture
  const y = (value) => 8 + (84 * (high - value)) / (high - low || 1);
  const point = (time, k) => `${x(time).toFixed(2)} ${y(energies[time][k]).toFixed(2)}`;
  const line = (k) => `M${energies.map((_, time) => point(time, k)).join("L")}`;
  const others = [...energies[0].keys()].filter((k) => k !== chosen);
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.innerHTML =
    `<path d="${others.map(line).join("")}"/><path class="chosen" d="${line(chosen)}"/>` +
    `<path class="dot" d="M${point(t, chosen)}h0"/>`;
}
