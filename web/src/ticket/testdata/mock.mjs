// A small server with the API's shapes and made-up tickets, to look at the Canvas without the real one:
//   node src/ticket/testdata/mock.mjs 8099 & HELPDESK_DEV_API=http://127.0.0.1:8099 npx vite
// It is part of no build. Posting "fail", "slow" or "long" gets such an answer.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { ann, empty, failures, long, outcome, propose, story } from './story.mjs';

const tickets = new Map([story(), failures(), empty(), long()].map((t) => [t.key, t]));
const me = { user: { id: 'u1', name: 'Ann Archer', email: 'ann@example.com', admin: process.env.MOCK_MEMBER !== '1' }, tenants: [{ id: 't1', key: 'blue', name: 'blue', prefix: 'HD', place: 'host_view', tickets: 4, variables: [], members: [] }], features: { admin_terminal: true } };
let n = 1000;
const later = (ms) => new Promise((done) => setTimeout(done, ms));

async function answer(t, turn, words) {
  t.add('TurnStarted', { turn, agent: 'a1', agent_name: 'Runbooks', instance: 'i1' });
  t.add('TurnSent', { turn, delivered: [] });
  const parts = [];
  t.parts.set(turn, parts);
  const part = (kind, text) => {
    const p = { ticket: t.key, turn, n: parts.length + 1, from: parts.length + 1, kind, text };
    parts.push(p);
    for (const l of t.listeners) l(p);
  };
  for (const w of 'First I read the question. Then I look at what was found before.\nThe kernel log is the best witness here.'.split(/(?<= )/)) {
    part('reasoning', w);
    await later(30);
  }
  t.add('ReasoningRecorded', { turn, text: 'First I read the question.', took_ms: 900 });
  part('status', 'Reading the kernel log');
  await later(600);
  const text = words === 'long' ? `${'A sentence of the long answer. '.repeat(8)}\n\n`.repeat(60) : 'It is **memory**. The log says:\n\n```log\nKilled process 31337 (api)\n```\n\nThat happens when:\n\n- the limit is too low\n- or the program [leaks](https://example.com/leaks)\n\nSo I suggest to look at the limit.';
  for (const w of text.split(/(?<= )/)) {
    if (!t.parts.has(turn)) return;
    part('text', w);
    await later(words === 'long' ? 5 : words === 'slow' ? 150 : 40);
  }
  t.parts.delete(turn);
  if (words === 'fail') return t.add('TurnEnded', { turn, state: 'failed', reason: 'The agent closed the connection.', text });
  t.add('SuggestionProposed', propose(turn, { command: 'kubectl -n blue get limitranges -o yaml', purpose: 'Read the limits that are set.' }));
  t.add('MessagePosted', { id: `r${++n}`, role: 'assistant', content: text, turn });
  t.add('TurnEnded', { turn, state: 'done' });
}

async function run(t, s, by = ann) {
  const id = `run-${++n}`;
  t.runs.set(id, { chunks: [], stop: false, watchers: new Set() });
  const r = t.runs.get(id);
  t.add('RunStarted', { run: id, suggestion: s.id, command: s.command, scope: s.scope }, by);
  const began = Date.now();
  for (let i = 1; i <= 12 && !r.stop; i++) {
    r.chunks.push(Buffer.from(`\x1b[32mline ${i}\x1b[0m of what \x1b[1m${s.command.slice(0, 20)}\x1b[0m prints\r\n`));
    await later(400);
  }
  t.add('RunEnded', { run: id, suggestion: s.id, state: 'ran', outcome: { ...outcome(r.stop ? null : 0, Buffer.concat(r.chunks).toString(), by, Date.now() - began), stopped: r.stop } }, by);
}

const routes = [
  ['GET', '/me', () => me],
  ['GET', '/agents', () => ({ items: [{ id: 'a1', name: 'Runbooks', kind: 'runbook', domain: 'this machine', prompt_suggestions: [] }, { id: 'a2', name: 'Kubernetes', kind: 'remote', domain: 'kubernetes', prompt_suggestions: [] }] })],
  ['GET', '/instances', () => ({ items: [{ id: 'i1', agent: 'a1', name: 'this machine', all_tenants: true, tenants: [] }, { id: 'i2', agent: 'a2', name: 'prod-1', all_tenants: true, tenants: [] }] })],
  ['GET', '/tenants', () => ({ items: me.tenants })],
  ['GET', '/tickets', ({ url }) => ({ items: [...tickets.values()].filter((t) => `${t.key} ${t.title}`.toLowerCase().includes((url.searchParams.get('q') ?? '').toLowerCase())).map((t) => t.json) })],
  ['GET', '/tickets/:key', ({ t }) => t.json],
  ['PATCH', '/tickets/:key', ({ t, body }) => {
    if (body.status) {
      t.add('TicketStatusChanged', { from: t.status, to: body.status, solved: body.solved }, ann);
      Object.assign(t, { status: body.status, solved: body.solved ?? null });
    }
    if (body.instance) t.add('TicketAssigned', { agent: body.agent, agent_name: body.agent === 'a2' ? 'Kubernetes' : 'Runbooks', instance: body.instance, instance_name: body.instance === 'i2' ? 'prod-1' : 'this machine' }, ann);
    return t.json;
  }],
  ['GET', '/tickets/:key/timeline', ({ t, url }) => {
    const before = Number(url.searchParams.get('before') ?? 0) || Infinity;
    const after = url.searchParams.get('after');
    const limit = Number(url.searchParams.get('limit') ?? 100);
    const items = after === null ? t.events.filter((e) => e.seq < before).slice(-limit) : t.events.filter((e) => e.seq > Number(after)).slice(0, limit);
    return { items };
  }],
  ['POST', '/tickets/:key/messages', ({ t, body }) => {
    if (t.status === 'closed') throw [409, 'The ticket is closed. Reopen it first: PATCH its status to open.'];
    const turn = `t${++n}`;
    t.add('MessagePosted', { id: `m${n}`, role: 'user', content: body.content, turn, instance: 'i1' }, ann);
    t.add('TurnQueued', { turn, message: `m${n}`, agent: 'a1', instance: 'i1' }, ann);
    t.queue = (t.queue ?? Promise.resolve()).then(async () => {
      for (const e of t.events) if (e.kind === 'SuggestionProposed' && t.stateOf(e.data.id) === 'approved') await run(t, e.data);
      await answer(t, turn, body.content);
    });
    return {};
  }],
  ['POST', '/tickets/:key/turns/stop', ({ t }) => {
    for (const [turn, parts] of t.parts) {
      t.parts.delete(turn);
      t.add('TurnEnded', { turn, state: 'cancelled', reason: 'Ann Archer stopped it.', text: parts.filter((p) => p.kind === 'text').map((p) => p.text).join('') });
    }
    return {};
  }],
  ['POST', '/tickets/:key/turns/release', ({ t, body }) => {
    const held = t.events.findLast((e) => e.kind === 'TurnsHeld')?.data.turns ?? [];
    t.held = false;
    if (body.discard) for (const turn of held) t.add('TurnEnded', { turn, state: 'cancelled', reason: 'Discarded.' }, ann);
    else {
      t.add('TurnsReleased', {}, ann);
      t.queue = held.reduce((q, turn) => q.then(() => answer(t, turn, '')), t.queue ?? Promise.resolve());
    }
    return {};
  }],
  ['POST', '/tickets/:key/suggestions/:id/decision', async ({ t, body, params }) => {
    await later(250);
    const s = t.suggestion(params.id);
    if (!s || s.digest !== body.digest) throw [409, 'The command changed since you read it. Review it again.'];
    if (body.reason?.includes('fail')) throw [503, 'The database is busy. Try again in a moment.'];
    const state = { approve: 'approved', reject: 'rejected', ignore: 'ignored', execute: 'running', undo: 'proposed' }[body.decision];
    t.add('SuggestionDecided', { id: s.id, choice: body.decision, state, reason: body.reason, digest: s.digest }, ann);
    if (body.decision === 'execute') void run(t, s);
    return {};
  }],
  ['POST', '/tickets/:key/runs/:id/stop', ({ t, params }) => ((t.runs.get(params.id).stop = true), {})],
  ['GET', '/tickets/:key/runs/:id/output', ({ t, params, url }) => Buffer.concat(t.runs.get(params.id)?.chunks ?? []).subarray(Number(url.searchParams.get('from') ?? 0))],
  ['POST', '/tickets/:key/runs/:id/attachments', ({ params }) => ({ token: 'x', url: `/api/v1/terminals/${params.id}/attach` })],
  ['GET', '/tickets/:key/files', ({ t }) => ({ items: [...t.files].map(([path, c]) => ({ path, kind: 'file', size: c.length, modified_at: new Date(Date.now() - 3e5).toISOString() })) })],
  ['GET', '/tickets/:key/files/*', ({ t, rest }) => Buffer.from(t.files.get(rest) ?? '')],
  ['PUT', '/tickets/:key/files/*', ({ t, rest, raw }) => (t.files.set(rest, raw), t.add('FileChanged', { path: rest, change: 'written', size: raw.length }, ann), {})],
  ['DELETE', '/tickets/:key/files/*', ({ t, rest }) => (t.files.delete(rest), t.add('FileChanged', { path: rest, change: 'deleted' }, ann), {})],
  ['GET', '/tickets/:key/terminals', ({ t }) => ({ items: t.terminals })],
  ['POST', '/tickets/:key/terminals', ({ t, body }) => {
    const term = { id: `term-${++n}`, ticket: t.key, scope: body.scope, place: 'host_view', title: body.scope, state: 'live', cols: body.cols, rows: body.rows, opened_by: ann, opened_at: new Date().toISOString() };
    t.terminals.push(term);
    t.add('TerminalOpened', { terminal: term.id, scope: term.scope, place: term.place, title: term.title }, ann);
    return term;
  }],
  ['DELETE', '/terminals/:id', ({ params }) => {
    for (const t of tickets.values()) if (t.terminals.some((x) => x.id === params.id)) {
      t.terminals = t.terminals.filter((x) => x.id !== params.id);
      t.add('TerminalEnded', { terminal: params.id, exit_code: 0 }, ann);
    }
    return {};
  }],
  ['POST', '/terminals/:id/attachments', ({ params }) => ({ token: 'x', url: `/api/v1/terminals/${params.id}/attach` })],
];

const server = createServer(async (req, res) => {
  const url = new URL(req.url, 'http://x');
  const path = url.pathname.replace('/api/v1', '');
  if (path === '/events') return events(url, req, res);
  const chunks = [];
  for await (const c of req) chunks.push(c);
  const raw = Buffer.concat(chunks);
  for (const [method, pattern, handle] of routes) {
    const names = [];
    const m = method === req.method && new RegExp(`^${pattern.replace(/:(\w+)/g, (_, k) => (names.push(k), '([^/]+)')).replace('*', '(.+)')}$`).exec(path);
    if (!m) continue;
    const params = Object.fromEntries(names.map((k, i) => [k, decodeURIComponent(m[i + 1])]));
    const t = tickets.get(params.key);
    if (params.key && !t) return reply(res, 404, { title: 'Not found', detail: 'There is no such ticket, or it is not yours to see.' });
    try {
      const out = await handle({ t, url, params, raw, rest: decodeURIComponent(m.at(-1)), body: raw.length && req.headers['content-type']?.includes('json') ? JSON.parse(raw) : {} });
      return Buffer.isBuffer(out) ? res.end(out) : reply(res, 200, out);
    } catch (e) {
      return Array.isArray(e) ? reply(res, e[0], { detail: e[1] }) : reply(res, 500, { detail: String(e) });
    }
  }
  reply(res, 404, { detail: `The mock has no ${req.method} ${path}.` });
});
const reply = (res, status, body) => res.writeHead(status, { 'Content-Type': 'application/json', 'X-Request-Id': 'req-7f3a' }).end(JSON.stringify(body));

function events(url, req, res) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  const watched = url.searchParams.getAll('ticket').map((k) => tickets.get(k)).filter(Boolean);
  const send = (x) => res.write(x.kind && x.seq ? `event: event\nid: ${x.seq}\ndata: ${JSON.stringify(x)}\n\n` : `event: part\ndata: ${JSON.stringify(x)}\n\n`);
  const head = () => res.write(`event: head\ndata: ${JSON.stringify({ heads: Object.fromEntries(watched.map((t) => [t.key, t.events.length])) })}\n\n`);
  head();
  for (const t of watched) {
    t.listeners.add(send);
    for (const parts of t.parts.values()) if (parts.length) for (const p of parts) send(p);
  }
  const timer = setInterval(head, 900);
  req.on('close', () => (clearInterval(timer), watched.forEach((t) => t.listeners.delete(send))));
}

// A real shell on a real pseudo-terminal, behind the documented frames.
const shells = new Map();
const u64 = (x) => { const b = Buffer.alloc(8); b.writeBigUInt64BE(BigInt(x)); return b; };
const u16 = (x) => { const b = Buffer.alloc(2); b.writeUInt16BE(x); return b; };
new WebSocketServer({ server }).on('connection', (ws, req) => {
  const id = new URL(req.url, 'http://x').pathname.split('/').at(-2);
  let sh = shells.get(id);
  if (!sh) {
    sh = { log: Buffer.alloc(0), viewers: new Set(), proc: spawn('script', ['-qfc', 'stty cols 80 rows 24; exec bash --norc', '/dev/null'], { env: { PATH: process.env.PATH, TERM: 'xterm-256color', PS1: 'tenant:~/blue$ ', HOME: '/tmp' }, cwd: '/tmp' }) };
    sh.proc.stdout.on('data', (d) => {
      for (const v of sh.viewers) v(Buffer.concat([Buffer.from([2]), u64(sh.log.length), d]));
      sh.log = Buffer.concat([sh.log, d]);
    });
    sh.proc.on('exit', (code) => sh.viewers.forEach((v) => v(Buffer.concat([Buffer.from([5, 1]), u16(code ?? 0), u16(0), u64(sh.log.length)]))));
    shells.set(id, sh);
  }
  const send = (b) => ws.send(b);
  ws.on('message', (data, binary) => {
    if (!binary) {
      const { from, cols, rows } = JSON.parse(data);
      send(Buffer.concat([Buffer.from([1, 1, 3]), u16(cols), u16(rows), u64(from ?? 0), u64(sh.log.length), u64(0)]));
      const rest = sh.log.subarray(from ?? 0);
      if (rest.length) send(Buffer.concat([Buffer.from([2]), u64(from ?? 0), rest]));
      send(Buffer.concat([Buffer.from([8]), Buffer.from(JSON.stringify({ viewers: [{ id: 'u1', name: 'Ann Archer', may_type: true, controller: true, you: true }, { id: 'u2', name: 'Bo Berg', may_type: true, controller: false, you: false }] }))]));
      sh.viewers.add(send);
    } else if (data[0] === 0x42) {
      sh.proc.stdin.write(data.subarray(9));
      send(Buffer.concat([Buffer.from([6]), data.subarray(1, 9)]));
    } else if (data[0] === 0x43) send(Buffer.concat([Buffer.from([4]), data.subarray(1, 5)]));
    else if (data[0] === 0x44) send(Buffer.from([9]));
  });
  ws.on('close', () => sh.viewers.delete(send));
});

server.listen(Number(process.argv[2] ?? 8099), '127.0.0.1');
