/* Bundles the viewer and three.js into one script: npm ci && npm run build. */
import { readFileSync } from "node:fs";
import { build } from "esbuild";

const { version } = JSON.parse(readFileSync("node_modules/three/package.json"));
const licence = readFileSync("node_modules/three/LICENSE", "utf8").trim().replace("©", "(c)");

await build({
  entryPoints: ["source/head_view.js"],
  outfile: "../../facelib/show/viewer/head_view.js",
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "headView",
  target: "es2022",
  loader: { ".css": "text" },
  legalComments: "none",
  charset: "ascii", // so that it means the same in a page of any encoding
  banner: { js: `/* Made by experiments/viewer. Contains three.js ${version}:\n\n${licence}\n*/` },
});
