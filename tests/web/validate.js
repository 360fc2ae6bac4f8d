// Checks GLB files with Khronos's validator: node validate.js FILE… prints a JSON list of reports.
const { readFileSync } = require("node:fs");
const { basename } = require("node:path");
const { validateBytes } = require("gltf-validator");

const report = (path) =>
  validateBytes(new Uint8Array(readFileSync(path)), { uri: basename(path) });

Promise.all(process.argv.slice(2).map(report)).then((reports) =>
  console.log(JSON.stringify(reports)),
);
