/* What the reader handles: keys, buttons of views, layers, sliders of expressions. */

const EXPRESSIONS = {
  "Open the jaw": { jawOpen: 1 },
  Blink: { eyeBlinkLeft: 1, eyeBlinkRight: 1 },
  Smile: { mouthSmileLeft: 1, mouthSmileRight: 1 },
  Frown: { mouthFrownLeft: 1, mouthFrownRight: 1 },
  "Pucker the lips": { mouthPucker: 1 },
  "Raise the brows": { browInnerUp: 1, browOuterUpLeft: 1, browOuterUpRight: 1 },
  "Lower the brows": { browDownLeft: 1, browDownRight: 1 },
  "Puff the cheeks": { cheekPuff: 1 },
  Sneer: { noseSneerLeft: 1, noseSneerRight: 1 },
  "Stick out the tongue": { tongueOut: 1, jawOpen: 0.5 },
};
// Degrees around the head; a positive yaw is seen from the viewer's right, the head's left.
const VIEWS = { Front: 0, "Left side": 90, "Right side": -90, Back: 180 };
const KEYS = {
  ArrowLeft: [-10, 0, 1],
  ArrowRight: [10, 0, 1],
  ArrowUp: [0, 10, 1],
  ArrowDown: [0, -10, 1],
  "+": [0, 0, 1.15],
  "=": [0, 0, 1.15],
  "-": [0, 0, 1 / 1.15],
};
const OWN_TEXTURE = "Skin";
const PAUSE_MS = 300; // after the last key, until the view is told
const HINT = "Drag to rotate, or use the arrow keys; + and − zoom, R resets.";

let nRadioGroups = 0;

export function addControls(view, scene) {
  const image = view.querySelector("img");
  const { canvas, stage } = scene;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-roledescription", "3D view");
  canvas.setAttribute("aria-label", `${image?.alt ?? "A head"} ${HINT}`);
  const told = create("p", { className: "head-view-told" });
  told.setAttribute("role", "status");
  const tell = tellerOf(scene, told);
  listenToKeys(canvas, scene, tell);
  guardWheel(stage, canvas);
  const panel = create("div", { className: "head-view-panel" });
  panel.append(told, buttonsOfViews(scene, tell));
  const layers = JSON.parse(view.dataset.layers ?? '{"Plain grey": ""}');
  panel.append(choiceOfLayers(scene, { [OWN_TEXTURE]: undefined, ...layers }, view));
  const sliders = slidersOf(view, scene);
  if (sliders) panel.append(sliders);
  panel.append(create("p", { className: "head-view-hint", textContent: HINT }));
  stage.after(panel);
}

function create(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/* Returns a function that says from where the head is seen, to readers who cannot see it. */
function tellerOf(scene, told) {
  let waiting = 0;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const [yaw, pitch] = scene.view().map(Math.round);
      const [aside, height] = [yaw < 0 ? "right" : "left", pitch < 0 ? "below" : "above"];
      told.textContent =
        `Seen from ${Math.abs(yaw)}° to the head’s ${aside}, ${Math.abs(pitch)}° from ${height}.`;
    }, PAUSE_MS);
  };
}

function listenToKeys(canvas, scene, tell) {
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "r" || event.key === "Home") scene.lookFrom(...scene.firstView);
    else if (KEYS[event.key]) scene.move(...KEYS[event.key]);
    else return;
    tell();
    event.preventDefault();
  });
}

// Scrolling the page past a head must not zoom it: the wheel zooms only after a click.
function guardWheel(stage, canvas) {
  canvas.addEventListener("pointerdown", () => canvas.focus({ preventScroll: true }));
  stage.addEventListener(
    "wheel",
    (event) => {
      if (document.activeElement !== canvas) event.stopPropagation();
    },
    { capture: true, passive: true },
  );
}

function buttonsOfViews(scene, tell) {
  const row = create("div", { className: "head-view-row" });
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "Views");
  for (const [name, yaw] of Object.entries(VIEWS)) {
    const button = create("button", { type: "button", textContent: name });
    button.addEventListener("click", () => {
      scene.lookFrom(yaw, 0);
      tell();
    });
    row.append(button);
  }
  return row;
}

function choiceOfLayers(scene, layers, view) {
  const row = create("fieldset", { className: "head-view-row" });
  row.append(create("legend", { textContent: "Surface" }));
  const group = `head-view-layer-${(nRadioGroups += 1)}`;
  for (const [name, url] of Object.entries(layers)) {
    const input = create("input", { type: "radio", name: group, checked: name === OWN_TEXTURE });
    input.addEventListener("change", async () => {
      await scene.paint(url);
      view.dispatchEvent(new CustomEvent("layer", { detail: name, bubbles: true }));
    });
    row.append(create("label", {}, input, ` ${name}`));
  }
  return row;
}

/* A slider for each expression that the GLB has targets for, and, folded away, one for each target;
 * null without targets. What sliders add to the first expression is summed, up to full strength. */
function slidersOf(view, scene) {
  const targets = [...scene.firstWeights.keys()];
  if (!targets.length) return null;
  const wanted = Object.entries(JSON.parse(view.dataset.sliders ?? "null") ?? EXPRESSIONS);
  const known = wanted.filter(([, recipe]) =>
    Object.keys(recipe).every((name) => scene.firstWeights.has(name)),
  );
  const rows = known.map(([label, recipe]) => slider(label, recipe));
  const single = targets.map((name) => slider(name, { [name]: 1 }));
  const ofPhoto = create("input", { type: "checkbox", checked: true });
  const express = () => {
    const strengths = new Map(ofPhoto.checked ? scene.firstWeights : []);
    for (const { input, output, recipe } of [...rows, ...single]) {
      output.textContent = `${Math.round(100 * input.value)} %`;
      input.setAttribute("aria-valuetext", output.textContent);
      if (Number(input.value) === 0) continue;
      for (const [name, strength] of Object.entries(recipe)) {
        strengths.set(name, Math.min((strengths.get(name) ?? 0) + strength * input.value, 1));
      }
    }
    scene.express(strengths);
  };
  const reset = create("button", { type: "button", textContent: "Reset" });
  reset.addEventListener("click", () => {
    for (const { input } of [...rows, ...single]) input.value = 0;
    express();
  });
  const row = create("div", { className: "head-view-row" }, reset);
  if ([...scene.firstWeights.values()].some((weight) => weight !== 0)) {
    row.prepend(create("label", {}, ofPhoto, " start from the photo’s expression"));
  }
  const all = create(
    "details",
    {},
    create("summary", { textContent: `All ${single.length} actions` }),
    create("div", { className: "head-view-sliders" }, ...single.map(({ element }) => element)),
  );
  const legend = create("legend", { textContent: "Expression" });
  const elements = rows.map(({ element }) => element);
  const box = create("fieldset", { className: "head-view-sliders" }, legend, ...elements, row, all);
  box.addEventListener("input", express);
  return box;
}

function slider(label, recipe) {
  const input = create("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0 });
  const output = create("output", { textContent: "0 %" });
  input.setAttribute("aria-label", label); // the number is the slider's own value
  output.setAttribute("aria-hidden", "true");
  const element = create("label", {}, create("span", { textContent: label }), input, output);
  return { element, input, output, recipe };
}
