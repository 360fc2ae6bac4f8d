/* The scene: the head's meshes, light that comes from the viewer, and a camera on a sphere. */
import {
  AmbientLight,
  Box3,
  Color,
  DirectionalLight,
  MathUtils,
  PerspectiveCamera,
  Scene,
  Spherical,
  SRGBColorSpace,
  TextureLoader,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { normalsOf } from "./normals.js";

const FIELD_OF_VIEW_DEG = 28;
const MARGIN = 1.06; // of the head's size, free space around it
const NEAREST = 0.35; // zoom limits, in start distances
const FARTHEST = 2.5;
const GREY = 0xb8b4ae;
// Shares of full light: a photo's texture has light in it already, a plain surface needs shadows.
const LIGHT_ON_TEXTURE = { ambient: 0.8, fromViewer: 0.22 };
const LIGHT_ON_GREY = { ambient: 0.3, fromViewer: 0.75 };

/* The box of the vertices without morph targets, which Box3.setFromObject would add. */
function boxOf(scene) {
  const box = new Box3();
  scene.updateMatrixWorld(true);
  scene.traverse(({ isMesh, geometry, matrixWorld }) => {
    if (!isMesh) return;
    const own = new Box3().setFromBufferAttribute(geometry.attributes.position);
    box.union(own.applyMatrix4(matrixWorld));
  });
  return box;
}

export class HeadScene {
  /* element: what holds the canvas; view: yaw and pitch of the first view, degrees. */
  constructor(element, view) {
    this.firstView = view;
    this.renderer = new WebGLRenderer({ antialias: true, alpha: true });
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    this.canvas = this.renderer.domElement;
    this.stage = document.createElement("div");
    this.stage.className = "head-view-stage";
    this.stage.append(this.canvas);
    element.append(this.stage);
    this.scene = new Scene();
    this.camera = new PerspectiveCamera(FIELD_OF_VIEW_DEG, 1, 0.01, 100);
    this.ambient = new AmbientLight();
    this.fromViewer = new DirectionalLight();
    this.fromViewer.position.set(0.25, 0.5, 1);
    this.camera.add(this.fromViewer, this.fromViewer.target);
    this.fromViewer.target.position.set(0, 0, -1);
    this.scene.add(this.camera, this.ambient);
    this.controls = new OrbitControls(this.camera, this.canvas);
    this.controls.enablePan = false;
    this.controls.addEventListener("change", () => this.draw());
    this.canvas.addEventListener("webglcontextrestored", () => this.draw());
    // A finger that moves up or down scrolls the page, one that moves across rotates the head.
    this.canvas.style.touchAction = "pan-y";
    this.layers = new Map();
    this.drawing = 0; // the frame that is waited for
    this.expressed = false; // since the last frame
  }

  async load(glb) {
    const { scene } = await new GLTFLoader().parseAsync(glb, "");
    this.scene.add(scene);
    this.meshes = [];
    scene.traverse((part) => {
      if (part.isMesh) this.meshes.push(part);
    });
    for (const mesh of this.meshes) mesh.userData.texture = mesh.material.map;
    this.firstWeights = new Map();
    for (const [name, weights, slot] of this.targets()) this.firstWeights.set(name, weights[slot]);
    this.renewNormals = this.meshes.map(normalsOf);
    for (const renew of this.renewNormals) renew();
    this.box = boxOf(scene);
    this.light(LIGHT_ON_TEXTURE);
    this.resize();
    this.lookFrom(...this.firstView);
    new ResizeObserver(() => this.resize()).observe(this.stage);
    this.drawNow();
  }

  /* Yields each mesh's morph targets: the name, and the place of its strength. */
  *targets() {
    for (const { morphTargetDictionary: names, morphTargetInfluences: weights } of this.meshes) {
      for (const [name, slot] of Object.entries(names ?? {})) yield [name, weights, slot];
    }
  }

  /* Sets the strength of morph targets, a Map by name; targets that are not in it become 0. */
  express(strengths) {
    for (const [name, weights, slot] of this.targets()) weights[slot] = strengths.get(name) ?? 0;
    this.expressed = true;
    this.draw();
  }

  /* Shows the GLB's own texture (url undefined), plain grey (an empty url), or another picture. */
  async paint(url) {
    if (url && !this.layers.has(url)) {
      const texture = await new TextureLoader().loadAsync(url);
      Object.assign(texture, { flipY: false, colorSpace: SRGBColorSpace });
      this.layers.set(url, texture);
    }
    for (const { material, userData } of this.meshes) {
      userData.color ??= material.color.clone();
      material.map = url === undefined ? userData.texture : (this.layers.get(url) ?? null);
      material.color = url === undefined ? userData.color : new Color(url ? 0xffffff : GREY);
      material.needsUpdate = true;
    }
    this.light(url === "" ? LIGHT_ON_GREY : LIGHT_ON_TEXTURE);
    this.draw();
  }

  light({ ambient, fromViewer }) {
    this.ambient.intensity = ambient * Math.PI; // three.js divides by π for a matte surface
    this.fromViewer.intensity = fromViewer * Math.PI;
  }

  /* Moves the camera to an angle around the head, degrees, at the distance that shows all of it. */
  lookFrom(yaw, pitch) {
    const size = this.box.getSize(new Vector3());
    const perDistance = Math.tan(MathUtils.degToRad(FIELD_OF_VIEW_DEG) / 2) * 2;
    const across = Math.hypot(size.x, size.z); // room for any yaw
    const wide = across / Math.max(this.camera.aspect, 0.1);
    this.distance = (MARGIN * Math.max(size.y, wide)) / perDistance + across / 4;
    this.box.getCenter(this.controls.target);
    Object.assign(this.camera, { near: this.distance / 50, far: this.distance * 10 });
    this.controls.minDistance = this.distance * NEAREST;
    this.controls.maxDistance = this.distance * FARTHEST;
    this.camera.updateProjectionMatrix();
    const [theta, phi] = [yaw, 90 - pitch].map(MathUtils.degToRad);
    this.place(new Spherical(this.distance, phi, theta));
  }

  /* Yaw and pitch from which the camera sees the head, degrees. */
  view() {
    const offset = this.camera.position.clone().sub(this.controls.target);
    const { theta, phi } = new Spherical().setFromVector3(offset);
    return [MathUtils.radToDeg(theta), 90 - MathUtils.radToDeg(phi)];
  }

  /* Rotates the view by degrees, and divides its distance by a factor. */
  move(yaw, pitch, zoom) {
    const offset = this.camera.position.clone().sub(this.controls.target);
    const from = new Spherical().setFromVector3(offset);
    from.theta += MathUtils.degToRad(yaw);
    from.phi -= MathUtils.degToRad(pitch);
    from.radius /= zoom;
    this.place(from.makeSafe());
  }

  place(spherical) {
    this.camera.position.setFromSpherical(spherical).add(this.controls.target);
    this.controls.update(); // applies the limits
    this.draw();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (!width || !height) return;
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.drawNow(); // at once, for a canvas that changes its size is blank
  }

  draw() {
    this.drawing ||= requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    cancelAnimationFrame(this.drawing);
    this.drawing = 0;
    if (this.expressed) for (const renew of this.renewNormals) renew();
    this.expressed = false;
    this.renderer.render(this.scene, this.camera);
  }
}
