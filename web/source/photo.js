/* A photo's file as pixels, upright, and the focal length that its EXIF states. */

const MOST_PIXELS = 12e6;
const FILM_DIAGONAL_MM = Math.hypot(36, 24);
const [ORIENTATION_FREE, RATIOS] = [{ colorSpaceConversion: "none" }, [4 / 3, 3 / 2]];

/* {name, image, focal}: RGB bytes and px, or null. */
export async function readPhoto(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, ORIENTATION_FREE);
  } catch {
    throw new Error(`${file.name} cannot be read as a photo here: save it as JPEG or PNG, please.`);
  }
  const factor = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.round(side * factor));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(width * height * 3);
  for (let at = 0; at < width * height; at += 1) {
    for (let c = 0; c < 3; c += 1) data[3 * at + c] = rgba[4 * at + c];
  }
  const focal = focalLength(exifOf(await file.slice(0, 2 ** 18).arrayBuffer()), width, height);
  return { name: file.name ?? "", image: { data, width, height }, focal };
}

/* EXIF's numbers by tag, of a JPEG; empty without. */
function exifOf(buffer) {
  const [view, tags] = [new DataView(buffer), new Map()];
  try {
    let at = 2;
    while (view.getUint16(0) === 0xffd8 && view.getUint16(at) !== 0xffda) {
      const isExif = view.getUint16(at) === 0xffe1 && view.getUint32(at + 4) === 0x45786966;
      if (isExif) return readTags(new DataView(buffer, at + 10), tags);
      at += 2 + view.getUint16(at + 2);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // a file that ends too early has no EXIF
  }
  return tags;
}

function readTags(tiff, tags) {
  const little = tiff.getUint16(0) === 0x4949;
  const read = (start) => {
    for (let k = 0; k < tiff.getUint16(start, little); k += 1) {
      const at = start + 2 + 12 * k;
      const [tag, kind] = [tiff.getUint16(at, little), tiff.getUint16(at + 2, little)];
      const long = tiff.getUint32(at + 8, little);
      if (kind === 3) tags.set(tag, tiff.getUint16(at + 8, little));
      else if (kind === 4) tags.set(tag, long);
      else if (kind === 5) tags.set(tag, tiff.getUint32(long, little) / tiff.getUint32(long + 4, little));
    }
  };
  read(tiff.getUint32(4, little));
  if (tags.has(0x8769)) read(tags.get(0x8769));
  return tags;
}

/* In px, if the file states it and the picture is all that the lens saw; see imaging/lens.py. */
function focalLength(tags, width, height) {
  const equivalent = tags.get(0xa405) ?? 0;
  if (!(equivalent >= 8 && equivalent <= 800) || ![0, 1].includes(tags.get(0xa404) ?? 1)) return null;
  const ratio = (a, b) => Math.max(a, b) / Math.min(a, b);
  const isSame = (a, b) => Math.abs(Math.log(a / b)) < 0.01;
  const own = ratio(width, height);
  const [wide, high] = [tags.get(0xa002), tags.get(0xa003)];
  if (!RATIOS.some((known) => isSame(own, known))) return null;
  if (wide > 0 && high > 0 && !isSame(own, ratio(wide, high))) return null;
  return (equivalent * Math.hypot(width, height)) / FILM_DIAGONAL_MM;
}
