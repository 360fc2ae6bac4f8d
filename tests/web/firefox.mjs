// Builds heads in the page "Your own two photos" with Firefox:
//   node firefox.mjs PROGRAM URL PAIRS.json
// where PAIRS.json lists lists of photos, one or two each. Prints a JSON list of what the page says
// of each: {status, warnings, steps}, and of {complaints}: errors, and requests to elsewhere.
import { readFileSync } from "node:fs";
import puppeteer from "puppeteer-core";

const [executablePath, url, list] = process.argv.slice(2);
const folder = url.slice(0, url.lastIndexOf("/") + 1);
const OWN = [folder, "data:", "blob:"];
const NO_GRAPHICS = /WebGL/; // headless Firefox draws no meshes without a graphics card

const browser = await puppeteer.launch(
  { browser: "firefox", executablePath, headless: true, protocolTimeout: 0 }); // the test has a limit
const results = [];
for (const photos of JSON.parse(readFileSync(list))) {
  const page = await browser.newPage();
  const complaints = [];
  page.setDefaultTimeout(0);
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !NO_GRAPHICS.test(text)) complaints.push(text);
  });
  page.on("request", (request) => {
    if (!OWN.some((start) => request.url().startsWith(start))) complaints.push(request.url());
  });
  await page.goto(url);
  results.push({ ...await built(page, photos), complaints });
  await page.close();
}
await browser.close();
console.log(JSON.stringify(results));

async function built(page, photos) {
  const isRefused = () => page.$(".own-status.is-error");
  for (const [number, photo] of photos.entries()) {
    await (await page.$(number ? "#own-side" : "#own-front")).uploadFile(photo);
    await page.waitForFunction((count) => document.querySelector(".own-status.is-error")
      || document.querySelectorAll(".own-picture img").length > count, {}, number);
    if (await isRefused()) break;
  }
  if (!await isRefused()) {
    await page.click(".own-go");
    await page.waitForFunction(() => document.querySelector(".own-status.is-error")
      || document.querySelector(".own-status").textContent.startsWith("Done"));
  }
  return page.evaluate(() => ({
    status: document.querySelector(".own-status").textContent,
    warnings: Array.from(document.querySelectorAll(".own-warnings li"), (one) => one.textContent),
    steps: Array.from(document.querySelectorAll("[data-step]"), (one) => one.dataset.step),
  }));
}
