/* The page "Your own two photos": the reader's photos in, their head out, all on their device. */
import { NoFaceError, reconstruct } from "./reconstruct.js";
import { Head } from "./head.js";
import { glb, obj, rigOf } from "./files.js";
import { pack, script, take, totalBytes } from "./packs.js";
import { paintHead } from "./paint.js";
import { readPhoto } from "./photo.js";
import { deviations, drawFaces, drawMesh, drawPoints, pageOf, sourcesPage, surenessPage }
  from "./pictures.js";
import { percentiles } from "./numbers.js";
import style from "./style.css";

export { readPhoto, take };

const TEXTURE_PX = 1024;
const MODELS = ["runtime", "detector", "dense", "head"];
const STEPS = {
  faces: ["Faces found", "12_reconstruct", "The square is the face that was taken."],
  points: ["Points, each with its uncertainty", "14_two_photos",
    "An ellipse holds a point with two standard deviations; blue ones are hidden and guessed."],
  fit: ["One head fitted to both photos", "14_two_photos",
    "The mesh should follow eyes, nose, lips and jaw; where it does not, the head is wrong."],
  texture: ["The texture, painted", "12_reconstruct",
    "What no photo shows is mirrored, or made up from the skin and hair around it."],
};
const [VIEWS, ROOT] = [["front", "side"], () => document.getElementById("own-photos")];
const given = {};
const refused = {}; // why a photo could not be read, by view
let models = null;
export let last = null; // the last result, for the tests and for the curious

const pause = () => new Promise((resolve) => { setTimeout(resolve); });

function create(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/* Load runtime, networks and head once, with a bar that shows how far it is. */
export async function load(report = () => {}) {
  if (typeof WebAssembly === "undefined") {
    throw new Error("This page needs WebAssembly, which this browser lacks or has switched off.");
  }
  if (models) return models;
  const all = totalBytes(...MODELS);
  let loaded = 0;
  const progress = (size) => report((loaded += size), all);
  const bytes = {};
  await script("onnxruntime.js");
  for (const name of MODELS) bytes[name] = await pack(name, progress);
  const { env, InferenceSession, Tensor } = window.onnxruntime;
  Object.assign(env.wasm, { wasmBinary: bytes.runtime.buffer, numThreads: 1, proxy: false });
  const network = async (name) => {
    const session = await InferenceSession.create(bytes[name],
      { executionProviders: ["wasm"], logSeverityLevel: 3 });
    return (inputs) => session.run(Object.fromEntries(Object.entries(inputs)
      .map(([input, [values, shape]]) => [input, new Tensor("float32", values, shape)])));
  };
  models = { head: new Head(bytes.head.buffer), detector: await network("detector"),
    dense: await network("dense") };
  return models;
}

/* Reconstruct photos of `readPhoto`; `tell` hears of the steps. */
export async function build(photos, tell = async () => {}, report = () => {}) {
  const all = await load(report);
  const named = photos.map((photo, k) => ({ view: VIEWS[k], ...photo }));
  const result = await reconstruct(named, all, tell);
  const { fit, photos: chosen } = result;
  const seen = chosen.map((photo, k) => {
    const coefficients = fit.coefficients.slice();
    coefficients.set(fit.expressions[k], all.head.nShape);
    return { image: photo.image, camera: photo.camera, visibility: photo.seen.visibility,
      vertices: all.head.vertices(coefficients) };
  });
  const texture = await paintHead(seen, all.head, TEXTURE_PX, pause);
  await tell("texture", texture);
  last = { ...result, texture, head: all.head };
  return last;
}

/* Vertices of the face's layout, px of the front photo, lowest z at 0: as facelib's. */
export function verticesImage({ head, fit, photos: [{ camera }] }) {
  const { places } = camera.image(head.layoutVertices(fit.coefficients));
  const depths = places.filter((_, k) => k % 3 === 2);
  const lowest = depths.reduce((a, b) => Math.min(a, b));
  return Array.from(places, (value, k) => (k % 3 === 2 ? value - lowest : value));
}

function zone(view, status) {
  const input = create("input", { type: "file", accept: "image/*", id: `own-${view}` });
  const picture = create("div", { className: "own-picture" });
  const hint = create("span", { textContent: "Drop a photo here, or choose one." });
  const words = view === "front" ? "From the front" : "From the side (better, but not needed)";
  const label = create("label", { htmlFor: input.id, className: "own-zone" },
    create("strong", { textContent: words }), picture, hint, input);
  const set = async (file) => {
    try {
      given[view] = await readPhoto(file);
      const url = URL.createObjectURL(file);
      picture.replaceChildren(create("img",
        { src: url, className: "dark-light", alt: "" }));
      hint.textContent = `${file.name} is read. Drop another photo here, or choose one.`;
      delete refused[view];
    } catch (error) {
      refused[view] = error.message;
    }
    const reasons = Object.values(refused).join(" ");
    status.say(reasons || `The photo from the ${view} is read.`, reasons !== "");
    ROOT().dispatchEvent(new Event("given"));
  };
  input.addEventListener("change", () => input.files[0] && set(input.files[0]));
  label.addEventListener("dragover", (event) => event.preventDefault());
  label.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) set(event.dataTransfer.files[0]);
  });
  return { box: create("div", {}, label, cameraOf(view, set, status)), set };
}

/* A button for the camera; where the browser lends none to this page, a sentence. */
function cameraOf(view, set, status) {
  if (navigator.mediaDevices?.getUserMedia) return cameraButton(view, set, status);
  return create("p", { textContent: "The camera works where this page was opened from disk or over "
    + "https: choose a file here." });
}

function cameraButton(view, set, status) {
  const button = create("button",
    { type: "button", textContent: `Use the camera: ${view} photo` });
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const stream = await navigator.mediaDevices
        .getUserMedia({ video: { width: { ideal: 1920 }, height: { ideal: 1440 } } });
      const video = create("video", { srcObject: stream, muted: true, playsInline: true });
      const shoot = create("button", { type: "button", textContent: "Take the photo" });
      const leave = create("button", { type: "button", textContent: "Cancel" });
      const box = create("div", {}, video, shoot, leave);
      const close = () => {
        for (const track of stream.getTracks()) track.stop();
        box.remove();
        button.disabled = false;
        button.focus();
      };
      leave.addEventListener("click", close);
      box.addEventListener("keydown", ({ key }) => { if (key === "Escape") close(); });
      button.after(box);
      await video.play();
      shoot.focus();
      shoot.addEventListener("click", () => {
        const canvas = create("canvas", { width: video.videoWidth, height: video.videoHeight });
        canvas.getContext("2d").drawImage(video, 0, 0);
        close();
        canvas.toBlob((blob) => set(new File([blob], `${view}.png`)), "image/png");
      });
    } catch (error) {
      button.disabled = false;
      status.say(`The camera cannot be used here (${error.message}): choose a file, please.`, true);
    }
  });
  return button;
}

function statusLine() {
  const element = create("p", { className: "own-status" });
  element.setAttribute("role", "status");
  return { element, say: (words, isError = false) => {
    element.textContent = words;
    element.classList.toggle("is-error", isError);
  } };
}

function stepBox(steps, name) {
  const [title, chapter, words] = STEPS[name];
  let box = steps.querySelector(`[data-step="${name}"]`);
  if (!box) {
    const link = create("a",
      { href: `chapters/${chapter}.html`, textContent: `chapter ${chapter.slice(0, 2)}` });
    const pictures = create("div", { className: "own-pictures" });
    box = create("section", {}, create("h2", { textContent: title }), pictures,
      create("p", {}, `${words} See `, link, "."));
    box.dataset.step = name;
    steps.append(box);
  }
  return box.querySelector(".own-pictures");
}

async function show(step, found, { steps, status }, front) {
  const box = stepBox(steps, step);
  status.say(`${STEPS[step][0]} …`);
  if (step === "faces") box.replaceChildren(...found.map(drawFaces));
  if (step === "points") {
    box.replaceChildren(...found.map(drawPoints));
    [front.photo] = found;
  }
  if (step === "fit") {
    box.replaceChildren(drawMesh(front.photo, models.head, found.coefficients, found.camera));
  }
  if (step === "texture") {
    box.replaceChildren(pageOf(found.pixels, TEXTURE_PX, "The texture of the head"));
  }
  await pause();
}

async function showHead(result, output) {
  const { head, fit, photos, texture, doubts } = result;
  const meshes = photos.map((photo, k) => {
    const coefficients = fit.coefficients.slice();
    coefficients.set(fit.expressions[k], head.nShape);
    return drawMesh(photo, head, coefficients, fit.cameras[k]);
  });
  stepBox(output.parentElement.querySelector(".own-steps"), "fit").replaceChildren(...meshes);
  const page = pageOf(texture.pixels, TEXTURE_PX, "The texture of the head");
  const blob = (kind) => new Promise((resolve) => { page.toBlob(resolve, kind, 0.92); });
  const rig = rigOf(head, fit);
  const jpeg = new Uint8Array(await (await blob("image/jpeg")).arrayBuffer());
  const model = glb(head, rig, jpeg);
  const millimetres = deviations(head, fit);
  const [low, high] = percentiles(millimetres, [0, 95]);
  const layers = { "Plain grey": "", "Where it comes from": sourcesPage(texture.shares).toDataURL(),
    "How sure": surenessPage(head, millimetres, low, high).toDataURL() };
  const view = create("div", { className: "head-view" },
    create("img", { src: meshes[0].toDataURL(), alt: "The front photo with your head's mesh over it" }));
  Object.assign(view.dataset, { layers: JSON.stringify(layers), view: "15,5" });
  const text = obj(head, rig);
  const saves = create("p", { className: "own-saves" },
    saveButton("Save as GLB", () => ({ "head.glb": model })),
    saveButton("Save as OBJ",
      () => ({ "head.obj": new Blob([text.obj]), "head.mtl": new Blob([text.mtl]) })),
    saveButton("Save the texture as PNG, to keep beside the OBJ",
      async () => ({ "head.png": await blob("image/png") })));
  const warnings = doubts.map(({ sentence }) => create("li", { textContent: sentence }));
  output.replaceChildren(
    ...(warnings.length ? [create("ul", { className: "own-warnings" }, ...warnings)] : []),
    view, create("p", { textContent: "How sure: dark where a point is precise to "
      + `${low.toFixed(1)} mm, yellow where it may be off by ${high.toFixed(1)} mm or more. `
      + "Where it comes from: blue is the front photo, orange the side photo, pale what was "
      + "mirrored, grey what was made up." }), saves);
  if (!window.headView) await script("head_view.js");
  await window.headView.show(view, new Uint8Array(await model.arrayBuffer()));
}

function saveButton(name, files) {
  const button = create("button", { type: "button", textContent: name });
  button.addEventListener("click", async () => {
    for (const [file, content] of Object.entries(await files())) {
      const link = create("a", { href: URL.createObjectURL(content), download: file });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    }
  });
  return button;
}

async function run({ go, bar, status, steps, output }) {
  if (go.getAttribute("aria-disabled") === "true") return;
  go.setAttribute("aria-disabled", "true"); // and not `disabled`, which would lose the focus
  steps.replaceChildren();
  output.replaceChildren();
  const start = performance.now();
  const front = {};
  try {
    status.say("Loading the networks. They come from this book, and stay in the browser.");
    bar.hidden = false;
    const photos = VIEWS.map((view) => given[view]).filter(Boolean);
    await load((loaded, all) => Object.assign(bar, { value: loaded, max: all }));
    bar.hidden = true;
    status.say("Looking for the faces …");
    await pause();
    const result = await build(photos,
      (step, found) => show(step, found, { steps, status }, front));
    await showHead(result, output);
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    const warnings = result.doubts.length ? ", under what seems wrong with the photos" : "";
    status.say(`Done in ${seconds} s: the head is below${warnings}.`);
  } catch (error) {
    status.say(error instanceof NoFaceError
      ? `${error.message.replace(/^n/, "N")}: is the face large, upright, lit and uncovered?`
      : error.message, true);
  }
  bar.hidden = true;
  go.removeAttribute("aria-disabled");
}

function exampleButtons(zones, status) {
  return [0, 1, 2].map((number) => {
    const button = create("button", { type: "button", textContent: `Example ${number + 1}` });
    button.addEventListener("click", async () => {
      status.say("Loading the examples …");
      const pairs = JSON.parse(new TextDecoder().decode(await pack("examples", () => {})));
      for (const [k, view] of VIEWS.entries()) {
        const [kind, base64] = pairs[number][k].split(",");
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        const type = kind.slice(5).split(";")[0];
        await zones[view].set(new File([bytes], `example_${number + 1}_${view}.jpg`, { type }));
      }
    });
    return button;
  });
}

function start() {
  document.head.append(create("style", { textContent: style }));
  const status = statusLine();
  const zones = Object.fromEntries(VIEWS.map((view) => [view, zone(view, status)]));
  const go = create("button", { type: "button", className: "own-go", disabled: true,
    textContent: "Build the head" });
  const bar = create("progress", { hidden: true, max: 1, value: 0 });
  bar.setAttribute("aria-label", "Loading the networks");
  const steps = create("div", { className: "own-steps" });
  const output = create("div", { className: "own-output" });
  go.addEventListener("click", () => run({ go, bar, status, steps, output }));
  ROOT().addEventListener("given", () => { go.disabled = !given.front; });
  ROOT().replaceChildren(
    create("div", { className: "own-zones" }, zones.front.box, zones.side.box),
    create("p", { className: "own-examples" }, "No photo at hand? ", ...exampleButtons(zones, status)),
    create("p", {}, go, " ", bar), status.element, steps, output);
  if (typeof WebAssembly === "undefined") load().catch((error) => status.say(error.message, true));
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
