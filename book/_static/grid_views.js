/* Sliders that look numbers up in a grid which the chapter measured (facelib/show/grid.py). */
(() => {
  "use strict";

  const follow = (view) => {
    const values = JSON.parse(view.dataset.values);
    const longest = Number(view.dataset.longest);
    const bars = [...view.querySelectorAll(".grid-bar")];
    const inputs = [...view.querySelectorAll("input")];
    const lookUp = () => {
      let first = 0;
      for (const input of inputs) first = first * (Number(input.max) + 1) + Number(input.value);
      bars.forEach((bar, k) => {
        const value = values[first * bars.length + k];
        bar.querySelector("i").style.width = `${(20 * value) / longest}em`;
        bar.querySelector(".grid-value").textContent = `${value.toFixed(2)} ${view.dataset.unit}`;
      });
    };
    for (const input of inputs) {
      const labels = JSON.parse(input.dataset.labels);
      const name = () => {
        const label = labels[Number(input.value)];
        input.setAttribute("aria-valuetext", label);
        input.nextElementSibling.value = label;
      };
      name();
      input.addEventListener("input", () => { name(); lookUp(); });
    }
    view.querySelector(".morph-sliders").hidden = false;
  };

  const start = () => document.querySelectorAll(".grid-view").forEach(follow);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
