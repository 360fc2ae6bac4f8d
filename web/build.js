/* Bundle the page's scripts, and write the packs of web/pack.py as scripts:
 *
 *   node build.js PACKS OUT
 *
 * A page opened from disk may load scripts, but may not fetch. So bytes become text in scripts: seven
 * bits a character. What a string literal cannot hold as it is, is raised by 128. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const PIECE = 7 * 2 ** 18; // bytes of a pack in each script, so that a bar can show the progress
const UNSAFE = new Set([0, 10, 13, 34, 92]); // NUL, line ends, quote, backslash

const [packs, out] = process.argv.slice(2);
mkdirSync(out, { recursive: true });

function textOf(bytes) {
  const characters = [];
  let [bits, count] = [0, 0];
  const put = (value) => characters.push(UNSAFE.has(value) ? value + 128 : value);
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    for (count += 8; count >= 7; count -= 7) {
      put((bits >> (count - 7)) & 127);
    }
    bits &= (1 << count) - 1;
  }
  if (count) put((bits << (7 - count)) & 127);
  return characters.map((value) => String.fromCharCode(value)).join("");
}

const table = {};
function writePack(name, every, bytes) {
  const files = [];
  for (let start = 0; start < bytes.length; start += PIECE) {
    const piece = bytes.subarray(start, start + PIECE);
    const file = `${name}.${files.length}.js`;
    const call = `ownPhotos.take("${file}",${piece.length},"${textOf(piece)}");`;
    writeFileSync(`${out}/${file}`, call);
    files.push([file, Buffer.byteLength(call)]);
  }
  table[name] = { every, files };
}

for (const file of readdirSync(packs).filter((each) => each.endsWith(".gz")).sort()) {
  const [name, every] = file.split(".");
  writePack(name, Number(every), readFileSync(`${packs}/${file}`));
}
const runtime = "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm";
writePack("runtime", 1, gzipSync(readFileSync(runtime), { level: 9 }));

const common = { bundle: true, minify: true, format: "iife", target: "es2022", charset: "ascii",
  legalComments: "none", logLevel: "error" };
await build({ ...common, entryPoints: ["source/page.js"], outfile: `${out}/own_photos.js`,
  globalName: "ownPhotos", loader: { ".css": "text" }, define: { PACKS: JSON.stringify(table) } });
const { version } = JSON.parse(readFileSync("node_modules/onnxruntime-web/package.json"));
await build({ ...common, stdin: { contents: 'export * from "onnxruntime-web/wasm";', resolveDir: "." },
  outfile: `${out}/onnxruntime.js`, globalName: "onnxruntime",
  define: { "import.meta.url": '""' }, // its files come as bytes, from nowhere
  banner: { js: `/* onnxruntime-web ${version}, (c) Microsoft Corporation, MIT licence */` } });
