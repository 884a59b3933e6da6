// Takes the pictures of the guide: `node pictures.mjs FOLDER`, with the pages that the tests of the
// page wrote there. A picture is as wide as the page, in light and, where asked for, dark.
import {createServer} from 'node:http';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

const folder = process.argv[2];
const more = process.argv[3] === 'more'; // also what the guide does not show
const server = createServer((request, response) => {
  if (request.url === '/events') {
    response.writeHead(200, {'content-type': 'text/event-stream'});
    response.write('event: alive\ndata: 1\n\n');
    return; // stays open
  }
  try {
    response.end(readFileSync(join(folder, request.url.slice(1) + '.html')));
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const driver = spawn(process.execPath, [fileURLToPath(new URL('driver.mjs', import.meta.url))], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const answers = createInterface({input: driver.stdout})[Symbol.asyncIterator]();
const ask = async (command) => {
  driver.stdin.write(JSON.stringify(command) + '\n');
  const {value} = await answers.next();
  const {failed} = JSON.parse(value ?? '{"failed": "the driver has ended"}');
  if (failed) throw new Error(failed);
};

const take = async (name, picture, {scheme = 'light', width = 1180, height = 760, ...options} = {}) => {
  await ask({do: 'open', url: `${origin}/${name}`, scheme, width, height});
  await ask({do: 'wait', expression: 'document.getElementById("stream").className === "live"'});
  await ask({do: 'picture', path: join(folder, `${picture}.png`), ...options});
};
for (const name of ['healthy', 'failing', 'draining', 'starting']) await take(name, name);
await take('failing', 'failing-dark', {scheme: 'dark'});
if (more) {
  await take('failing', 'more-narrow', {width: 320, full: true});
  await take('failing', 'more-full', {full: true});
  await take('failing', 'more-print', {print: true, full: true, width: 800});
  await take('starting', 'more-starting-dark', {scheme: 'dark'});
}
driver.stdin.end();
server.closeAllConnections();
server.close();
