// Opens pages in chromium, and prints what is wrong with them as JSON: a list of {page, view, fault}.
//
// usage: node browser.js CHROMIUM FOLDER PAGE...     screenshots go to FOLDER
//        node browser.js CHROMIUM --picture PAGE FILE     the top of a page as a picture, and nothing else
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");

const [program, folder, ...pages] = process.argv.slice(2);
const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const SIZES = [
  { width: 360, height: 740 },
  { width: 1440, height: 900 },
];
// Without these, chromium looks for servers of its own.
const QUIET = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

// Runs in the page: labels that stick out of it, overlap each other, or have no size; charts without a name.
function layout() {
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`wider than the screen: ${document.documentElement.scrollWidth}`);
  const shown = (element) => element.getClientRects().length > 0;
  for (const axis of document.querySelectorAll(".chart .x, .chart .y, .chart .box")) {
    const labels = [...axis.children].filter((child) => child.localName === "span" && shown(child)).map((label) => ({ text: label.textContent, box: label.getBoundingClientRect() }));
    labels.forEach(({ text, box }, index) => {
      if (box.right > innerWidth + 1 || box.left < -1) faults.push(`the label ${text} sticks out of the page`);
      for (const other of labels.slice(index + 1)) {
        const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
        const down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
        if (across > 1 && down > 1) faults.push(`the labels ${text} and ${other.text} overlap`);
      }
    });
  }
  for (const chart of document.querySelectorAll(".chart")) {
    const box = chart.querySelector(".box").getBoundingClientRect();
    if (box.width < 100 || box.height < 20) faults.push(`a chart of ${box.width} x ${box.height}`);
    if (!chart.getAttribute("aria-label")) faults.push("a chart without a name");
  }
  return faults;
}

async function hover(page) {
  const faults = [];
  for (const figure of await page.$$("figure[data-columns]")) {
    const rows = await figure.$$eval("tbody tr", (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
    const box = await figure.$(".box");
    await box.scrollIntoViewIfNeeded();
    const place = await box.boundingBox();
    const edges = await figure.$$eval("tbody tr", (rows) => rows.map((row) => Number(row.dataset.to)));
    for (const index of [0, Math.floor(rows.length / 2)]) {
      const from = index === 0 ? 0 : edges[index - 1];
      if (edges[index] - from < 4) continue;
      await page.mouse.move(place.x + (place.width * (from + edges[index])) / 2000, place.y + place.height / 2);
      const output = await figure.$eval("output", (output) => output.textContent);
      for (const cell of rows[index]) if (!output.includes(cell)) faults.push(`hover at row ${index}: ${cell} is not in ${output}`);
    }
    await page.mouse.move(0, 0);
    await figure.focus();
    await page.keyboard.press("Home");
    const first = await figure.$eval("output", (output) => output.textContent);
    if (!first.includes(rows[0][0])) faults.push(`the key Home shows ${first}`);
    await page.keyboard.press("ArrowRight");
    const next = await figure.$eval("output", (output) => output.textContent);
    if (rows.length > 1 && !next.includes(rows[1][0])) faults.push(`the key ArrowRight shows ${next}`);
  }
  return faults;
}

async function check(browser, file, size, scheme, javaScriptEnabled) {
  const faults = [];
  const context = await browser.newContext({ viewport: size, colorScheme: scheme, javaScriptEnabled });
  try {
    const page = await context.newPage();
    const own = "file://" + path.resolve(file);
    await page.route("**", (route) => {
      const url = route.request().url();
      if (url === own || url.startsWith("data:")) return route.continue();
      faults.push(`a request for ${url}`);
      return route.abort();
    });
    page.on("console", (message) => faults.push(`on the console: ${message.text()}`));
    page.on("pageerror", (error) => faults.push(`an error: ${error.message}`));
    await page.goto(own);
    const name = `${path.basename(file, ".html")}-${size.width}-${scheme}`;
    if (javaScriptEnabled) {
      faults.push(...(await page.evaluate(layout)));
      faults.push(...(await hover(page)));
      // The page's policy allows no other script: axe comes in by the debugger, as the functions above do.
      await page.evaluate(AXE);
      const result = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
      for (const violation of result.violations) {
        faults.push(`axe: ${violation.id}: ${violation.help}: ${violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(" | ")}`);
      }
      await page.screenshot({ path: path.join(folder, name + ".png"), fullPage: true });
    } else if (size.width > 1000 && scheme === "light") {
      // Closed tables are in print without any script.
      await page.pdf({ path: path.join(folder, path.basename(file, ".html") + ".pdf"), format: "A4" });
    }
  } finally {
    await context.close();
  }
  return faults.map((fault) => ({ page: path.basename(file), view: `${size.width} ${scheme}${javaScriptEnabled ? "" : " without script"}`, fault }));
}

async function picture(browser, file, target) {
  const page = await browser.newPage({ viewport: { width: 1000, height: 1660 } });
  await page.goto("file://" + path.resolve(file));
  await page.screenshot({ path: target });
}

(async () => {
  const browser = await chromium.launch({ executablePath: program, args: QUIET });
  try {
    if (folder === "--picture") return await picture(browser, ...pages);
    const faults = [];
    for (const file of pages)
      for (const size of SIZES)
        for (const scheme of ["light", "dark"])
          for (const javaScriptEnabled of [true, false]) faults.push(...(await check(browser, file, size, scheme, javaScriptEnabled)));
    console.log(JSON.stringify(faults));
  } finally {
    await browser.close();
  }
})();
