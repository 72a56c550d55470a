// Starts both parts of the page once the runtime is there; each says what went wrong.

import { open } from "./network.js";

async function begin() {
  const roots = [...document.querySelectorAll(".live")];
  const fail = (root, error) => {
    root.querySelector(".status").textContent = error.message;
    root.querySelector(".status").dataset.kind = "wrong";
  };
  try {
    const info = await open();
    for (const root of roots) {
      const part = await import(`./${root.id}.js`);
      await part.start(root, info[root.id]).catch((error) => fail(root, error));
      root.classList.add("ready");
    }
  } catch (error) {
    roots.forEach((root) => fail(root, error));
  }
}

begin();
