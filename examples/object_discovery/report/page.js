// Plays the steps of one example. Without this script the page shows the last step and the strip.
(() => {
  const examples = JSON.parse(document.getElementById("examples").textContent);
  const part = (name) => document.querySelector(`#hero [data-part="${name}"]`);
  const dots = [...part("dots").children];
  const strip = [...part("strip").querySelectorAll("button")];
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const PAUSE = 650;
  let example = examples[0];
  let step = 0;
  let timer = null;

  function show(next) {
    step = next;
    const energy = example.energies[step];
    const steps = example.frames.length - 1;
    part("phases").src = example.frames[step];
    part("phases").alt = `Phases of every patch as colours, after step ${step} of ${steps}`;
    part("slider").value = step;
    part("slider").setAttribute("aria-valuetext", `step ${step} of ${steps}`);
    part("readout").textContent =
      `step ${step} of ${steps}` +
      (energy === null ? "" : ` · energy ${Math.round(energy).toLocaleString("en").replace("-", "−")}`);
    strip.forEach((button, i) => button.setAttribute("aria-current", i === step));
    dots.forEach((dot, i) => {
      const [x, y] = example.points[step].slice(2 * i, 2 * i + 2);
      dot.style.transform = `translate(${x}px, ${-y}px)`;
    });
  }

  function load(chosen, pictures) {
    example = chosen;
    part("outline").setAttribute("d", example.outline);
    strip.forEach((button, i) => (button.firstElementChild.src = example.frames[i]));
    dots.forEach((dot, i) => dot.classList.toggle("on", example.onObject[i] === "1"));
    ["image", "truth", "clusters"].forEach((name, i) => (part(name).src = pictures[i].src));
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    part("play").textContent = "Play";
  }

  function play() {
    stop();
    if (step === example.frames.length - 1) show(0);
    part("play").textContent = "Pause";
    timer = setInterval(() => {
      show(step + 1);
      if (step === example.frames.length - 1) stop();
    }, PAUSE);
  }

  part("controls").hidden = false;
  part("play").addEventListener("click", () => (timer === null ? play() : stop()));
  part("slider").addEventListener("input", (event) => {
    stop();
    show(Number(event.target.value));
  });
  strip.forEach((button, i) =>
    button.addEventListener("click", () => {
      stop();
      show(i);
    }),
  );
  document.querySelectorAll("[data-example]").forEach((button) =>
    button.addEventListener("click", () => {
      load(examples[button.dataset.example], button.closest(".pictures").querySelectorAll("img"));
      show(0);
      play();
      document.getElementById("hero").scrollIntoView({ behavior: calm ? "auto" : "smooth" });
    }),
  );

  show(example.frames.length - 1);
  if (!calm) play();
})();
