import { type Browser, chromium, type Page } from "playwright-core";

/** Debian's package `chromium`, see .ci/browser.sh. */
const EXECUTABLE = "/usr/bin/chromium";

/** Nothing but the page: no look-ups, no updates, no GPU. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What a page did besides showing itself. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors of scripts, refusals by the policy, and whatever else the console says. */
  readonly complaints: string[];
  /** Addresses that were asked. */
  readonly requests: string[];
}

export interface Look {
  readonly width: number;
  readonly height: number;
  readonly colorScheme: "light" | "dark";
}

/** A browser without any past, gone with the test. */
export async function openBrowser(context: { after(cleanUp: () => Promise<void>): void }): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, headless: true, args: FLAGS });
  context.after(() => browser.close());
  return browser;
}

/** @param look - the size of the window, and what its user prefers */
export async function openPage(
  browser: Browser,
  url: string,
  { width, height, colorScheme }: Look = { width: 1280, height: 900, colorScheme: "light" },
): Promise<WatchedPage> {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, complaints, requests };
}
