// Walks over pages of the dashboard: walk.mjs ADDRESSES [FOLDER]. ADDRESSES has one a line. Each is looked at in eight ways (language, width,
// colours), with scripts off as a person sees it and on for axe-core, which is a script itself. What may not be: a serious or critical
// finding, a page wider than the window, a request to elsewhere, a script of the page's own, a message in the console.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [file, shots] = process.argv.slice(2);
const addresses = readFileSync(file, "utf8").split("\n").filter(Boolean);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
const browser = await chromium.launch({ executablePath, args });
let wrong = 0;
let looked = 0;
const tell = (where, what) => {
  wrong += 1;
  console.log(`${where}: ${what}`);
};

const ways = [];
for (const language of ["en", "ur"]) {
  for (const width of [360, 1280]) {
    for (const colorScheme of ["light", "dark"]) {
      for (const javaScriptEnabled of [false, true]) ways.push({ language, width, colorScheme, javaScriptEnabled });
    }
  }
}

const walk = async ({ language, width, colorScheme, javaScriptEnabled }) => {
  // The dashboard's policy forbids scripts; the check brings its own.
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, javaScriptEnabled, bypassCSP: true });
  for (const [at, address] of addresses.entries()) {
    const url = new URL(address);
    url.searchParams.set("lang", language);
    const where = `${language} ${width} ${colorScheme} ${javaScriptEnabled ? "scripts" : "no scripts"} ${url.pathname}${url.search}`;
    const elsewhere = [];
    // A page of its own: the browser may ask for a page's icon after it was left.
    const page = await context.newPage();
    page.on("request", (request) => new URL(request.url()).host === url.host || elsewhere.push(request.url()));
    page.on("console", (message) => message.text().includes("favicon") || tell(where, `console: ${message.text()}`));
    const answer = await page.goto(url.href);
    if (answer.status() !== 200) tell(where, `status ${answer.status()}`);
    if (javaScriptEnabled) {
      if (await page.locator("script").count()) tell(where, "has a script");
      await page.evaluate(axe);
      const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
      for (const violation of found.violations) {
        const is_serious = ["serious", "critical"].includes(violation.impact);
        const words = `${violation.impact} ${violation.id}: ${violation.help} (${violation.nodes.length}), first ${violation.nodes[0].html.slice(0, 160)}`;
        if (is_serious) tell(where, words);
        else console.log(`(${where}: ${words})`);
      }
      // A check that checked nothing would find nothing.
      if (found.passes.length < 20) tell(where, `only ${found.passes.length} checks passed`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (wide > 0) tell(where, `${wide} pixels wider than the window`);
    } else if (shots) {
      const name = `${String(at).padStart(2, "0")}${url.pathname.replaceAll(/[^a-z]+/g, "-").slice(0, 20)}-${language}-${width}-${colorScheme}.png`;
      await page.screenshot({ path: join(shots, name), fullPage: false });
    }
    for (const request of elsewhere) tell(where, `asks ${request}`);
    await page.close();
    looked += 1;
  }
  await context.close();
};

// Two at a time.
const walkers = [0, 1].map(async () => {
  for (let way = ways.shift(); way; way = ways.shift()) await walk(way);
});
await Promise.all(walkers);
await browser.close();
console.log(`${looked} looks at ${addresses.length} pages, ${wrong} wrong`);
process.exit(wrong > 0 ? 1 : 0);
