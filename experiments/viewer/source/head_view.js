/* A head that a page's reader can rotate and move: a GLB drawn by three.js.
 *
 *   <div class="head-view" data-glb="BASE64"><img src="STILL" alt="WHAT IT SHOWS"></div>
 *
 * The still image stands there until the head has been drawn; readers without scripts or 3D graphics
 * keep it, and so does paper. Every such element of a page comes to life when it scrolls into sight.
 * `headView.start()` does so for elements that were added later, and `headView.show(element, bytes)`
 * at once, for a GLB that a program has at hand.
 *
 * data-glb      the GLB in base64; it may be compressed with gzip.
 * data-glb-file instead of it, a script's URL. The script says document.currentScript.glb = "BASE64",
 *               and is loaded when the head is seen: a page opened from disk may not fetch.
 * data-sliders  JSON, {"label": {"morph target": strength}}; ten expressions by default.
 * data-layers   JSON, {"label": URL}: pictures that can replace the texture, on the same uv page.
 *               An empty URL shows plain grey.
 * data-view     the first view in degrees, "yaw,pitch"; a little from the head's left by default.
 */
import { addControls } from "./controls.js";
import { HeadScene } from "./scene.js";
import style from "./style.css";

const GZIP = [0x1f, 0x8b];

/* bytes: the GLB, or a promise of it. */
export async function show(view, bytes) {
  addStyle();
  const body = document.createElement("div");
  body.className = "head-view-body";
  view.append(body);
  try {
    const scene = new HeadScene(body, numbers(view.dataset.view));
    await scene.load(await unzipped(await bytes));
    addControls(view, scene);
    view.classList.add("is-live");
    return scene;
  } catch (error) {
    const note = document.createElement("p");
    note.className = "head-view-note";
    note.textContent = `No 3D view here (${error.message}), so this is a still picture.`;
    body.replaceWith(note);
    view.classList.add("is-still");
    return null;
  }
}

function addStyle() {
  if (document.querySelector("style[data-head-view]")) return;
  const element = document.createElement("style");
  element.dataset.headView = "";
  element.textContent = style;
  document.head.append(element);
}

function numbers(text) {
  return text ? text.split(",").map(Number) : [15, 5];
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

async function glbOf(view) {
  const { glb, glbFile } = view.dataset;
  view.removeAttribute("data-glb"); // so that it is not in memory twice
  return bytesOf(glb ?? (await loaded(glbFile)));
}

function loaded(url) {
  const script = document.createElement("script");
  return new Promise((resolve, reject) => {
    script.onload = () => resolve(script.glb);
    script.onerror = () => reject(new Error(`${url} is missing`));
    script.src = url;
    document.head.append(script);
  }).finally(() => script.remove());
}

async function unzipped(bytes) {
  if (!GZIP.every((value, i) => bytes[i] === value)) return bytes.buffer;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

export function start() {
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
        observer.unobserve(target);
        show(target, glbOf(target));
      }
    },
    { rootMargin: "200px" },
  );
  // A notebook calls this once for each of its outputs: what waits already is left alone.
  const waiting = ".head-view:is([data-glb], [data-glb-file]):not([data-waits])";
  for (const view of document.querySelectorAll(waiting)) {
    view.dataset.waits = "";
    observer.observe(view);
  }
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
