import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { runLoad } from "../../bench/load/run-load.js";
import { startMonitor } from "../../src/index.js";
import { sampleBytes, temporaryFolder } from "../helpers/files.js";
import { exactPlan } from "../helpers/load-plan.js";
import { ACK, ERROR, RRQ, rawPeer } from "../helpers/raw-peer.js";
import { startServer } from "../helpers/server.js";
import { openBrowser, openPage } from "./browser.js";

const TIME_LIMIT = { timeout: 300_000 };
const WAIT = { timeout: 60_000 };

/** To be looked at. */
const SCREENSHOTS = join(__dirname, "../../../.cache/screenshots");

const HOSTILE = [
  "<img src=x onerror=alert(1)>",
  "</script><script>alert(2)</script>",
  "a\u202egpj.exe",
  '"><svg onload=alert(3)>',
  "javascript:alert(4)",
  "&lt;b&gt;",
];

async function screenshot(page: Page, name: string): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

async function texts(page: Page, selector: string): Promise<string[]> {
  return page.locator(selector).allTextContents();
}

test(
  "the page shows what runs and what ended, filters it, and fits a phone and the dark",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "initrd.img"), sampleBytes(10_240));
    await writeFile(join(root, "vmlinuz"), sampleBytes(5_120));
    const { server, port } = await startServer(context, { root, workers: 1, retries: 30 });
    const monitor = await startMonitor(server, { dashboard: 0 });
    context.after(() => monitor.close());
    const url = `http://127.0.0.1:${monitor.dashboard?.port}/`;
    const standing = await rawPeer(context, port);
    standing.ask(RRQ("initrd.img"));
    for (let block = 1; block <= 10; block++) {
      await standing.until(`\0\x03\0${String.fromCharCode(block)}`);
      if (block <= 9) standing.answer(ACK(block));
    }
    const other = await rawPeer(context, port);
    other.ask(RRQ("vmlinuz"));
    await other.until("\0\x03");
    other.answer(ACK(1));
    const probing = await rawPeer(context, port);
    probing.ask(RRQ("vmlinuz", "tsize", "0", "blksize", "1468"));
    await probing.until("\0\x06");
    probing.answer(ERROR(8, "User aborted the transfer"));
    const browser = await openBrowser(context);
    const { page, complaints, requests } = await openPage(browser, url);
    await page.locator("#ended tbody tr").nth(0).waitFor(WAIT);
    await page.locator("#running .percent", { hasText: "45 %" }).waitFor(WAIT);
    assert.equal(await page.locator("#connection").textContent(), "live");
    assert.deepEqual(
      (await texts(page, "#running .file")).map((text) => text.replace(/\s+/g, " ")),
      ["GET initrd.img", "GET vmlinuz"],
    );
    assert.deepEqual(await texts(page, "#running .client"), [
      `127.0.0.1:${standing.port}`,
      `127.0.0.1:${other.port}`,
    ]);
    assert.deepEqual(await texts(page, "#ended .outcome"), ["probe"]);
    assert.equal(await page.locator("#card-active .value").textContent(), "2");
    assert.equal(await page.locator("#card-failed .value").textContent(), "0");
    await page.fill("#filter", "INITRD");
    assert.equal(await page.locator("#running tbody tr").count(), 1);
    assert.equal(
      await page.locator("#ended-empty").textContent(),
      "No transfer that ended matches the filter.",
    );
    await page.fill("#filter", `127.0.0.1:${other.port} vmlinuz`);
    assert.equal(await page.locator("#running .file").textContent(), "GET vmlinuz");
    await page.fill("#filter", "");
    await screenshot(page, "light");
    other.answer(ERROR(0, "gone"));
    await page.locator("#ended tbody tr").nth(1).waitFor(WAIT);
    assert.deepEqual(await texts(page, "#ended .outcome"), ["aborted-by-client", "probe"], "newest first");
    for (const look of [
      { width: 390, height: 844, colorScheme: "light" },
      { width: 390, height: 844, colorScheme: "dark" },
      { width: 1280, height: 900, colorScheme: "dark" },
    ] as const) {
      const small = await openPage(browser, url, look);
      await small.page.waitForSelector("#running tbody tr", WAIT);
      const tooWide = await small.page.evaluate("document.documentElement.scrollWidth - innerWidth");
      assert.equal(tooWide, 0, `${look.width} pixels are enough`);
      const background = await small.page.evaluate("getComputedStyle(document.body).backgroundColor");
      assert.equal(background, look.colorScheme === "dark" ? "rgb(16, 22, 28)" : "rgb(244, 246, 248)");
      await screenshot(small.page, `${look.colorScheme}-${look.width}`);
      assert.deepEqual(small.complaints, []);
      await small.page.close();
    }
    assert.deepEqual(complaints, []);
    assert.ok(
      requests.every((address) => address.startsWith(url) || address.startsWith("data:")),
      requests.join(),
    );
  },
);

test("names from the network are text, whatever they look like", TIME_LIMIT, async (context) => {
  const root = await temporaryFolder(context);
  const { server, port } = await startServer(context, { root, workers: 0 });
  const monitor = await startMonitor(server, { dashboard: 0 });
  context.after(() => monitor.close());
  const browser = await openBrowser(context);
  const { page, complaints } = await openPage(browser, `http://127.0.0.1:${monitor.dashboard?.port}/`);
  const peer = await rawPeer(context, port);
  for (const name of HOSTILE) {
    peer.ask(RRQ(Buffer.from(name).toString("latin1")));
    await peer.until("\0\x05");
  }
  await page
    .locator("#ended tbody tr")
    .nth(HOSTILE.length - 1)
    .waitFor(WAIT);
  const shown = (await texts(page, "#ended .file")).map((text) => text.replace(/^GET /, ""));
  assert.deepEqual(
    shown.reverse(),
    HOSTILE.map((name) => name.replace("\u202e", "\\u202e")),
  );
  const strange = await page.locator("#ended img, #ended script, #ended svg, #ended a").count();
  assert.equal(strange, 0);
  await screenshot(page, "hostile-names");
  assert.deepEqual(complaints, []);
});

test(
  "a run of 500 clients is watched on the page, and its totals are those of the load generator",
  TIME_LIMIT,
  async (context) => {
    const root = await temporaryFolder(context);
    await writeFile(join(root, "image"), sampleBytes(200_000));
    const { server, port } = await startServer(context, { root, workers: 2, windowSize: 16 });
    const monitor = await startMonitor(server, { dashboard: 0 });
    context.after(() => monitor.close());
    const browser = await openBrowser(context);
    const { page, complaints } = await openPage(browser, `http://127.0.0.1:${monitor.dashboard?.port}/`);
    const work = { method: "GET", files: ["image"], connections: 500, amount: 1500 } as const;
    const result = await runLoad(exactPlan(port, work), new Map());
    assert.deepEqual([result.completed, result.failed], [1500, 0]);
    while (server.transferCount > 0) await once(server, "transferEnd");
    const bytes = `${result.bytes.toLocaleString("en")} bytes downloaded, 0 bytes uploaded`;
    await page.locator(`#card-bytes[title='${bytes}']`).waitFor(WAIT);
    assert.equal(await page.locator("#card-done .value").textContent(), "1,500");
    assert.equal(await page.locator("#card-done .detail").textContent(), "of 1,500 that ended");
    assert.equal(await page.locator("#card-failed .value").textContent(), "0");
    await page.locator("#card-active .value", { hasText: /^0$/ }).waitFor(WAIT);
    assert.equal(await page.locator("#running-empty").textContent(), "No transfer is running.");
    assert.equal(await page.locator("#ended tbody tr").count(), 200, "the newest are kept");
    await screenshot(page, "after-500-clients");
    assert.deepEqual(complaints, []);
  },
);
