/* Turns each still image of a mesh into a scene that the reader can turn: by mouse, finger or keys.
 *
 * A page holds the still images only. A mesh's own data (a k3d snapshot in base64) is a file that is
 * loaded when the mesh comes into sight, and so is k3d, which all meshes share. Both are loaded with
 * plain script tags, because a page opened from disk may not fetch or import anything.
 */
(() => {
  "use strict";

  const here = document.currentScript.src;
  const TURN = Math.PI / 18; // per key
  const ZOOM = 1.15; // per key
  const MARGIN = 1.06; // free space around the meshes
  const KEYS = "Arrow keys turn it, plus and minus zoom, R resets, A shows axes.";

  const loadScript = (url) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(url, here).href;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`cannot load ${script.src}`));
    document.head.append(script);
  });

  // k3d's script calls define("k3d", [], factory), so for that moment there is such a function.
  let k3dModule = null;
  const loadK3d = () => {
    k3dModule ??= (async () => {
      let module = null;
      // Without this, k3d would read its own file once more, for a menu that the book hides.
      window.k3dCompressed = "";
      const before = window.define;
      window.define = (_name, _dependencies, factory) => { module = factory(); };
      await loadScript("k3d/standalone.js");
      window.define = before;
      return module;
    })();
    return k3dModule;
  };

  // The book keeps data in files that call meshData(name, base64); elsewhere it is in the page.
  const files = {};
  window.meshData = (name, base64) => { files[name] = base64; };
  const dataOf = async (element, name) => {
    const file = element.dataset[`${name}File`];
    if (file && !files[file]) await loadScript(`meshes/${file}.js`);
    const base64 = file ? files[file] : element.dataset[name];
    return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer;
  };

  const hasWebGL = () => Boolean(document.createElement("canvas").getContext("webgl2"));

  const parts = (scene) => {
    const found = [];
    scene.getWorld().K3DObjects.traverse((part) => {
      if (part.geometry?.attributes.position) found.push(part);
    });
    return found;
  };
  const surface = (scene) => parts(scene).find((part) => part.isMesh && part.geometry.index);
  const ball = (scene) => parts(scene).find((part) => part.isPoints);

  // --- camera: nine numbers, as k3d has them: eye, target, up ----------------------------------

  const minus = (a, b) => a.map((number, i) => number - b[i]);
  const along = (a, b, factor) => a.map((number, i) => number + factor * b[i]);
  const dot = (a, b) => a.reduce((sum, number, i) => sum + number * b[i], 0);
  const cross = (a, b) => [0, 1, 2].map((i) => {
    const [j, k] = [(i + 1) % 3, (i + 2) % 3];
    return a[j] * b[k] - a[k] * b[j];
  });
  const unit = (a) => along([0, 0, 0], a, 1 / Math.hypot(...a));

  const cameraOf = (scene) => {
    const { camera, controls } = scene.getWorld();
    return [camera.position, controls.target, camera.up].map((v) => v.toArray());
  };
  const look = (scene, eye, target, up) => {
    scene.setCamera([...eye, ...target, ...up]);
    scene.render();
  };

  // k3d needs a few frames until its camera stands where the snapshot has it.
  const settled = async (scene) => {
    const wanted = scene.parameters.camera;
    const away = () => cameraOf(scene).flat().some((number, i) => Math.abs(number - wanted[i]) > 1e-3);
    for (let frame = 0; frame < 100 && away(); frame += 1) {
      await new Promise((next) => { requestAnimationFrame(next); });
    }
  };

  // Go as near as all vertices allow, in width and in height.
  const fitted = (scene, view) => {
    const [eye, target, up] = cameraOf(scene);
    const back = unit(minus(eye, target));
    const right = unit(cross(up, back));
    const above = cross(back, right);
    const high = Math.tan((scene.getWorld().camera.fov * Math.PI) / 360);
    const wide = (high * view.clientWidth) / view.clientHeight;
    let distance = 0;
    for (const part of parts(scene)) {
      const { array } = part.geometry.attributes.position;
      for (let i = 0; i < array.length; i += 3) {
        const point = minus([array[i], array[i + 1], array[i + 2]], target);
        const [x, y, z] = [right, above, back].map((axis) => dot(point, axis));
        distance = Math.max(distance, z + (MARGIN * Math.abs(x)) / wide, z + (MARGIN * Math.abs(y)) / high);
      }
    }
    return [along(target, back, distance), target, up];
  };

  const turned = (scene, aside, upward) => {
    const [eye, target, up] = cameraOf(scene);
    const back = minus(eye, target);
    const distance = Math.hypot(...back);
    const pole = unit(up);
    const height = Math.asin(dot(back, pole) / distance);
    const level = unit(along(back, pole, -dot(back, pole)));
    const direction = along(level.map((n) => n * Math.cos(aside)), cross(pole, level), Math.sin(aside));
    const pitch = Math.min(Math.max(height + upward, -1.5), 1.5);
    const to = along(direction.map((n) => n * Math.cos(pitch)), pole, Math.sin(pitch));
    return [along(target, to, distance), target, up];
  };

  const zoomed = (scene, factor) => {
    const [eye, target, up] = cameraOf(scene);
    return [along(target, minus(eye, target), factor), target, up];
  };

  const obeyKeys = (view, scene, first) => {
    const moves = {
      ArrowLeft: () => turned(scene, -TURN, 0),
      ArrowRight: () => turned(scene, TURN, 0),
      ArrowUp: () => turned(scene, 0, TURN),
      ArrowDown: () => turned(scene, 0, -TURN),
      "+": () => zoomed(scene, 1 / ZOOM),
      "=": () => zoomed(scene, 1 / ZOOM),
      "-": () => zoomed(scene, ZOOM),
      r: () => first,
    };
    view.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (moves[key]) look(scene, ...moves[key]());
      else if (key === "a") scene.setGridVisible(!scene.parameters.gridVisible);
      else return;
      event.preventDefault();
    });
  };

  // Until it is chosen, by a tap or a click, a mesh leaves the wheel and one finger to the page.
  const guard = (view) => {
    const chosen = () => document.activeElement === view;
    const leave = (event) => { if (!chosen()) event.stopPropagation(); };
    view.tabIndex = 0;
    view.addEventListener("wheel", leave, { capture: true, passive: true });
    view.addEventListener("touchstart", leave, { capture: true, passive: true });
    view.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch") leave(event);
      else view.focus({ preventScroll: true });
    }, { capture: true });
    view.addEventListener("click", () => view.focus({ preventScroll: true }));
  };

  // --- what moves with sliders and pictures ----------------------------------------------------

  // Vertices of a linear model: mean + sum of slider * direction, added up here.
  const moveBySliders = async (scene, morph) => {
    const { geometry } = surface(scene);
    const positions = geometry.attributes.position;
    const mean = Float32Array.from(positions.array);
    const steps = new Int16Array(await dataOf(morph, "directions"));
    const unitStep = Number(morph.dataset.unit);
    const inputs = [...morph.querySelectorAll(".morph-sliders input")];
    const move = () => {
      const sum = Float32Array.from(mean);
      inputs.forEach((input, k) => {
        const factor = Number(input.value) * unitStep;
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
        const words = Number(input.value).toFixed(1).replace("-", "−");
        input.setAttribute("aria-valuetext", words);
        input.nextElementSibling.value = words;
        move();
      });
    }
    morph.querySelector(".morph-sliders").hidden = false;
  };

  // The ball goes to the point that the reader chose in a picture (facelib/show/linked.py).
  const moveBall = async (scene, mesh) => {
    const points = new Float32Array(await dataOf(mesh, "points"));
    const { position } = ball(scene).geometry.attributes;
    mesh.closest(".linked").addEventListener("point", ({ detail }) => {
      position.array.set(points.subarray(3 * detail, 3 * detail + 3));
      position.needsUpdate = true;
      scene.render();
    });
  };

  // --- scenes ----------------------------------------------------------------------------------

  const paint = (scene, view) => {
    const number = (color) => color.match(/\d+/g).slice(0, 3).reduce((sum, n) => 256 * sum + Number(n), 0);
    const { backgroundColor, color } = getComputedStyle(view);
    scene.setClearColor(number(backgroundColor));
    scene.setLabelColor?.(number(color));
    scene.render();
  };

  const draw = async (view) => {
    const [k3d, bytes] = [await loadK3d(), await dataOf(view, "scene")];
    const target = document.createElement("div");
    target.className = "mesh-view-scene";
    view.append(target);
    const scene = await k3d.CreateK3DAndLoadBinarySnapshot(bytes, target);
    await settled(scene);
    const first = fitted(scene, view);
    look(scene, ...first);
    paint(scene, view);
    new MutationObserver(() => paint(scene, view))
      .observe(document.documentElement, { attributeFilter: ["data-theme"] });
    guard(view);
    obeyKeys(view, scene, first);
    view.classList.add("is-live");
    view.setAttribute("role", "img");
    view.setAttribute("aria-label", `${view.querySelector("img").alt} ${KEYS}`);
    const [morph, linked] = [view.closest(".morph"), view.closest(".linked-mesh")];
    if (morph) await moveBySliders(scene, morph);
    if (linked) await moveBall(scene, linked);
  };

  const start = () => {
    if (!hasWebGL()) return;
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((e) => e.isIntersecting)) {
        observer.unobserve(entry.target);
        draw(entry.target);
      }
    }, { rootMargin: "200px" });
    document.querySelectorAll(".mesh-view").forEach((view) => observer.observe(view));
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
