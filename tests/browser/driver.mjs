// Drives a real Chromium for the tests: reads one command a line, as JSON, and answers with a line.
//
//     {"do": "open", "url": "http://127.0.0.1:3001/", "width": 320, "scheme": "dark"}
//     {"done": null}
//
// It ends with its input. `CHROMIUM` is the program, by default that of Debian.
import {readFileSync} from 'node:fs';
import {createInterface} from 'node:readline';
import {createRequire} from 'node:module';
import {chromium} from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

let context;
let page;
let log;

const commands = {
  // Opens a page in a profile of its own, and from then on notes what it does.
  async open({url, width = 1280, height = 900, scheme = 'light', script = true, motion = 'no-preference'}) {
    await context?.close();
    context = await browser.newContext({
      viewport: {width, height}, colorScheme: scheme, javaScriptEnabled: script, reducedMotion: motion,
    });
    page = await context.newPage();
    log = {requests: [], violations: [], errors: [], dialogs: []};
    // Not the array that a later page gets.
    const {requests, violations, errors, dialogs} = log;
    page.on('request', (request) => requests.push(request.url()));
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
      const text = message.text();
      if (/Content Security Policy/i.test(text)) violations.push(text);
    });
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      dialog.dismiss();
    });
    await page.goto(url, {waitUntil: 'domcontentloaded'});
  },
  log: async () => log,
  // The value of an expression in the page.
  evaluate: ({expression}) => page.evaluate(expression),
  // Waits until an expression holds; a page may be loaded anew meanwhile.
  async wait({expression, seconds = 30}) {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const value = await page.evaluate(expression).catch(() => false);
      if (value) return value;
      if (Date.now() > deadline) {
        const text = await page.evaluate('document.body.innerText').catch(String);
        throw new Error(`never held: ${expression}\n${text}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
  press: ({key}) => page.keyboard.press(key),
  // What axe finds, every rule on.
  async axe() {
    await page.evaluate(axe);
    const {violations} = await page.evaluate(() => globalThis.axe.run(document));
    return violations.map(({id, help, nodes}) => `${id}: ${help}: ${nodes.map((node) => node.html).slice(0, 3).join(' | ')}`);
  },
  async picture({path, full = false, print = false}) {
    await page.emulateMedia({media: print ? 'print' : 'screen'});
    await page.screenshot({path, fullPage: full});
  },
};

for await (const line of createInterface({input: process.stdin})) {
  let answer;
  try {
    const {do: name, ...options} = JSON.parse(line);
    answer = {done: (await commands[name](options)) ?? null};
  } catch (error) {
    answer = {failed: String(error?.stack ?? error)};
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
await browser.close();
