/* Pictures on sliders (facelib/show/steps.py) and linked pictures (facelib/show/linked.py).
 * Every such output brings this script with it, so it wakes only what is not yet awake.
 */
(() => {
  "use strict";

  const slide = (view) => {
    const pictures = [...view.querySelectorAll(".step")];
    const inputs = [...view.querySelectorAll("input")];
    const show = () => {
      let place = 0;
      for (const input of inputs) {
        const label = JSON.parse(input.dataset.labels)[Number(input.value)];
        input.setAttribute("aria-valuetext", label);
        input.nextElementSibling.value = label;
        place = place * (Number(input.max) + 1) + Number(input.value);
      }
      pictures.forEach((picture, k) => picture.classList.toggle("is-shown", k === place));
    };
    inputs.forEach((input) => input.addEventListener("input", show));
    show();
  };

  const numbers = (base64) =>
    new Int16Array(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);

  const link = (view) => {
    const panels = [...view.querySelectorAll(".linked-picture")].map((element) => ({
      element,
      title: element.parentElement.querySelector("figcaption").textContent,
      mark: element.querySelector(".linked-mark"),
      places: numbers(element.dataset.places), // x and y of each point, 1/10000; -1 if hidden
    }));
    const readings = JSON.parse(view.dataset.readings);
    const output = view.querySelector("output");
    let chosen = Number(view.dataset.start);

    const choose = (point) => {
      chosen = point;
      for (const { mark, places } of panels) {
        mark.hidden = places[2 * point] < 0;
        mark.style.left = `${places[2 * point] / 100}%`;
        mark.style.top = `${places[2 * point + 1] / 100}%`;
      }
      output.value = readings.map(([name, unit, width, values]) => {
        const shown = values.slice(width * point, width * (point + 1)).join(", ").replaceAll("-", "−");
        return `${name}: ${shown}${unit && ` ${unit}`}`;
      }).concat(panels.filter(({ mark }) => mark.hidden).map(({ title }) => `hidden in: ${title}`))
        .join(" · ");
      view.dispatchEvent(new CustomEvent("point", { detail: point, bubbles: true }));
    };

    // The point next to a place of a picture: of those on its far side, if a direction is given.
    const nearest = ({ places, element }, x, y, dx = 0, dy = 0) => {
      const stretch = element.clientHeight / element.clientWidth;
      let [best, least] = [chosen, Infinity];
      for (let k = 0; k < places.length / 2; k += 1) {
        if (places[2 * k] < 0) continue;
        const [right, down] = [places[2 * k] - x, (places[2 * k + 1] - y) * stretch];
        if ((dx || dy) && right * dx + down * dy < 2 * Math.abs(right * dy - down * dx) + 1) continue;
        const far = right * right + down * down;
        if (far < least) [best, least] = [k, far];
      }
      return best;
    };

    for (const panel of panels) {
      const follow = (event) => {
        const box = panel.element.getBoundingClientRect();
        const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
        choose(nearest(panel, 10000 * x, 10000 * y));
      };
      panel.element.addEventListener("pointermove", follow);
      panel.element.addEventListener("pointerdown", follow);
      panel.element.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
        if (!step[event.key]) return;
        event.preventDefault();
        const place = panel.places.slice(2 * chosen, 2 * chosen + 2);
        // From a point that this picture hides, go to the middle of the picture first.
        choose(panel.mark.hidden ? nearest(panel, 5000, 5000)
          : nearest(panel, ...place, ...step[event.key]));
      });
    }
    choose(chosen);
  };

  const wake = (selector, start) => {
    for (const view of document.querySelectorAll(`${selector}:not(.is-live)`)) {
      view.classList.add("is-live");
      start(view);
    }
  };
  wake(".steps", slide);
  wake(".linked", link);
})();
