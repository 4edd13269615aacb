// Looks at a page of Wirewitness with axe-core: at two widths, by day and by night. No network is used.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { chromium } from "playwright-core";

const page_file = resolve(process.argv[2] ?? "page.html");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
const browser = await chromium.launch({ executablePath, args });
let wrong = 0;
for (const width of [360, 1280]) {
  for (const colorScheme of ["light", "dark"]) {
    // The page forbids scripts; the check brings its own.
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, bypassCSP: true, offline: true });
    const page = await context.newPage();
    await page.goto("file://" + page_file);
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run());
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    for (const violation of found.violations) {
      console.log(`${width} ${colorScheme}: ${violation.id}: ${violation.help} (${violation.nodes.length}), first ${violation.nodes[0].html.slice(0, 120)}`);
    }
    if (wide > 0) console.log(`${width} ${colorScheme}: ${wide} pixels wider than the window`);
    // A check that checked nothing would find nothing.
    if (found.passes.length < 20) throw new Error(`only ${found.passes.length} checks passed`);
    wrong += found.violations.length + (wide > 0 ? 1 : 0);
    console.log(`${width} ${colorScheme}: ${found.passes.length} checks passed, ${found.violations.length} violated`);
    await context.close();
  }
}
await browser.close();
process.exit(wrong > 0 ? 1 : 0);
