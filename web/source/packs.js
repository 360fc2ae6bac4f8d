/* The big files: text in scripts, loaded when they are first needed. */

const folder = new URL(".", document.currentScript.src).href;
const taken = new Map();

/* What each piece's script calls. */
export function take(file, length, text) {
  const bytes = new Uint8Array(length);
  let [bits, count, at] = [0, 0, 0];
  for (let k = 0; at < length; k += 1) {
    bits = (bits << 7) | (text.charCodeAt(k) & 127);
    count += 7;
    if (count < 8) continue;
    count -= 8;
    bytes[at] = bits >> count;
    at += 1;
    bits &= (1 << count) - 1;
  }
  taken.set(file, bytes);
}

export function script(file) {
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = folder + file;
    element.onload = () => resolve(element.remove());
    element.onerror = () => reject(new Error(`cannot load ${file}, a file of this page`));
    document.head.append(element);
  });
}

/* The bytes of a pack; `progress` hears of the size of each piece. */
export async function pack(name, progress) {
  const { every, files } = PACKS[name];
  const pieces = [];
  for (const [file, size] of files) {
    await script(file);
    pieces.push(taken.get(file));
    taken.delete(file);
    progress(size);
  }
  const stream = new Blob(pieces).stream().pipeThrough(new DecompressionStream("gzip"));
  return together(new Uint8Array(await new Response(stream).arrayBuffer()), every);
}

/* Undo what web/pack.py does: bytes of the same rank lie together. */
function together(bytes, every) {
  if (every === 1) return bytes;
  const rows = Math.floor(bytes.length / every);
  const out = new Uint8Array(bytes.length);
  out.set(bytes.subarray(rows * every), rows * every);
  for (let rank = 0; rank < every; rank += 1) {
    for (let row = 0; row < rows; row += 1) out[row * every + rank] = bytes[rank * rows + row];
  }
  return out;
}

export const totalBytes = (...names) =>
  names.flatMap((name) => PACKS[name].files).reduce((total, [, size]) => total + size, 0);
