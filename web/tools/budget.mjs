// Fails when what a browser must load has grown beyond its budget. Run after the build; reads dist as it is embedded.
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const KiB = 1024;

/** In KiB, gzipped. A chunk above `chunk` needs an entry in `big` with its reason. */
const budget = { initial: 115, ticket: 260, ticketWithTerminal: 400, css: 12, chunk: 150 };
const big = {};

const manifest = JSON.parse(gunzipSync(readFileSync(join(dist, 'manifest.json.gz'))));
const size = (file) => statSync(join(dist, file.endsWith('.woff2') ? file : `${file}.gz`)).size;

/** A chunk with all that it imports at once. */
function closure(names) {
  const seen = new Set();
  const visit = (name) => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const next of manifest[name]?.imports ?? []) visit(next);
  };
  names.forEach(visit);
  return seen;
}

const js = (names) => [...closure(names)].reduce((sum, n) => sum + size(manifest[n].file), 0) / KiB;
const css = (names) => [...new Set([...closure(names)].flatMap((n) => manifest[n].css ?? []))].reduce((sum, f) => sum + size(f), 0) / KiB;

const entry = Object.keys(manifest).find((n) => manifest[n].isEntry);
const named = (part) => Object.keys(manifest).filter((n) => n.includes(part));
const ticket = named('src/ticket/TicketPage');
// Whatever of the terminal is loaded lazily, WebGL aside, which comes when the browser is idle.
const terminal = Object.keys(manifest).filter((n) => /src\/terminal\/|@xterm\/(xterm|addon-(fit|search|unicode11|web-links))/.test(n));

const rows = [
  ['JS to the first screen', js([entry]), budget.initial],
  ['JS of a ticket', js([entry, ...ticket]), budget.ticket],
  ['JS of a ticket with its terminal', js([entry, ...ticket, ...terminal]), budget.ticketWithTerminal],
  ['CSS to the first screen', css([entry]), budget.css],
];
for (const [name, item] of Object.entries(manifest)) {
  if (!item.file.endsWith('.js')) continue;
  const kib = size(item.file) / KiB;
  if (kib > budget.chunk && !big[name]) rows.push([`chunk ${item.file}`, kib, budget.chunk]);
}

let over = 0;
for (const [what, kib, limit] of rows) {
  const bad = kib > limit;
  if (bad) over++;
  console.log(`${bad ? 'OVER' : 'ok  '} ${what.padEnd(34)} ${kib.toFixed(1).padStart(7)} of ${limit} KiB`);
}
if (over > 0) {
  console.error('A budget is exceeded. Load less at first, or change the budget in tools/budget.mjs with its reason.');
  process.exit(1);
}
