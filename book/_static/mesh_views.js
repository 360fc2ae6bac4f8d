/* Turns each still image of a mesh into a scene that the reader can turn.
 *
 * A page holds only each mesh's own data (a k3d snapshot in base64); k3d itself is one file of the
 * book beside this one. It is loaded with a plain script tag, because a page opened from disk may
 * not fetch or import anything, and only when a mesh first comes into sight.
 */
(() => {
  "use strict";

  const k3dUrl = new URL("k3d/standalone.js", document.currentScript.src).href;
  let k3dModule = null;

  // k3d's script calls define("k3d", [], factory), so for that moment there is such a function.
  const loadK3d = () => {
    k3dModule ??= new Promise((resolve, reject) => {
      // Without this, k3d would read its own file once more, for a menu that the book hides.
      window.k3dCompressed = "";
      const before = window.define;
      window.define = (_name, _dependencies, factory) => resolve(factory());
      const script = document.createElement("script");
      script.src = k3dUrl;
      script.onload = () => { window.define = before; };
      script.onerror = () => reject(new Error(`cannot load ${k3dUrl}`));
      document.head.append(script);
    });
    return k3dModule;
  };

  const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer;

  const hasWebGL = () => Boolean(document.createElement("canvas").getContext("webgl2"));

  // Scrolling the page past a mesh must not zoom it: the wheel zooms only after a click.
  const guardWheel = (view) => {
    view.tabIndex = 0;
    view.addEventListener("pointerdown", () => view.focus({ preventScroll: true }));
    view.addEventListener("wheel", (event) => {
      if (document.activeElement !== view) event.stopPropagation();
    }, { capture: true, passive: true });
  };

  const triangleMesh = (root) => {
    let found = null;
    root.traverse((part) => { if (part.isMesh && part.geometry.index) found ??= part; });
    return found;
  };

  // Vertices of a linear model: mean + sum of slider * direction, added up here.
  const moveBySliders = (scene, morph) => {
    const world = scene.getWorld();
    const geometry = triangleMesh(world.K3DObjects).geometry;
    const positions = geometry.attributes.position;
    const mean = Float32Array.from(positions.array);
    const steps = new Int16Array(bytesOf(morph.dataset.directions));
    const unit = Number(morph.dataset.unit);
    const inputs = [...morph.querySelectorAll(".morph-sliders input")];
    const move = () => {
      const sum = Float32Array.from(mean);
      inputs.forEach((input, k) => {
        const factor = Number(input.value) * unit;
        if (!factor) return;
        const first = k * mean.length;
        for (let i = 0; i < mean.length; i += 1) sum[i] += factor * steps[first + i];
      });
      positions.array.set(sum);
      positions.needsUpdate = true;
      geometry.computeVertexNormals();
      geometry.computeBoundingBox();
      geometry.computeBoundingSphere();
      scene.render();
    };
    for (const input of inputs) {
      input.addEventListener("input", () => {
        input.nextElementSibling.value = Number(input.value).toFixed(1);
        move();
      });
    }
    morph.removeAttribute("data-directions");
    morph.querySelector(".morph-sliders").hidden = false;
  };

  const draw = async (view) => {
    const k3d = await loadK3d();
    const target = document.createElement("div");
    target.className = "mesh-view-scene";
    view.append(target);
    const bytes = bytesOf(view.dataset.scene);
    const scene = await k3d.CreateK3DAndLoadBinarySnapshot(bytes, target);
    // k3d places the axes' names and numbers when the camera moves, so move it to where it is.
    scene.setCamera(scene.parameters.camera);
    view.removeAttribute("data-scene");
    view.classList.add("is-live");
    view.setAttribute("role", "application");
    view.setAttribute("aria-label", view.querySelector("img").alt);
    guardWheel(view);
    const morph = view.closest(".morph[data-directions]");
    if (morph) moveBySliders(scene, morph);
  };

  const start = () => {
    if (!hasWebGL()) return;
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((e) => e.isIntersecting)) {
        observer.unobserve(entry.target);
        draw(entry.target);
      }
    }, { rootMargin: "200px" });
    document.querySelectorAll(".mesh-view[data-scene]").forEach((view) => observer.observe(view));
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
