// A ticket for looking at the Canvas: one of everything.
export const ann = { kind: 'user', id: 'u1', name: 'Ann Archer' };
export const bo = { kind: 'user', id: 'u2', name: 'Bo Berg' };
export const bot = { kind: 'agent', id: 'i1', name: 'Runbooks' };
export const system = { kind: 'system', id: 'sweep', name: 'HelpDesk' };

export class Ticket {
  constructor(key, title, began = Date.now() - 40 * 60_000) {
    Object.assign(this, { key, title, status: 'open', solved: null, held: false, events: [], at: began, listeners: new Set(), parts: new Map(), files: new Map(), runs: new Map(), terminals: [] });
  }
  add(kind, data, actor = bot, after = 4_000) {
    this.at = Math.min(Date.now(), this.at + after);
    const e = { ticket: this.key, seq: this.events.length + 1, kind, at: new Date(this.at).toISOString(), actor, data };
    this.events.push(e);
    for (const l of this.listeners) l(e);
    return e;
  }
  suggestion(id) {
    return this.events.find((e) => e.kind === 'SuggestionProposed' && e.data.id === id)?.data;
  }
  stateOf(id) {
    let state = '';
    for (const { kind, data } of this.events) {
      if (kind === 'SuggestionProposed' && data.id === id) state = 'proposed';
      if ((kind === 'SuggestionDecided' || kind === 'SuggestionMoved') && data.id === id) state = data.state;
      if (kind === 'RunStarted' && data.suggestion === id) state = 'running';
      if (kind === 'RunEnded' && data.suggestion === id) state = data.state;
    }
    return state;
  }
  get json() {
    const waits = this.events.some((e) => e.kind === 'SuggestionProposed' && this.stateOf(e.data.id) === 'proposed');
    return {
      key: this.key, title: this.title, status: this.status, solved: this.solved, activity: this.parts.size ? 'agent_working' : waits ? 'waiting_for_you' : 'idle',
      agent: 'a1', agent_name: 'Runbooks', instance: 'i1', instance_name: 'this machine', tenant: 't1', tenant_name: 'blue',
      seq: this.events.length, held: this.held, created_by: ann, created_at: this.events[0]?.at, changed_at: this.events.at(-1)?.at,
    };
  }
}

let made = 0;
export const propose = (turn, over) => ({
  id: `s${++made}`, turn, agent: 'a1', instance: 'i1', position: made, command: 'df -h', purpose: '', expected: '', scope: 'tenant', place: 'host_view', cwd: '/workspace', risk: 'reads', digest: `sha256:${made}`, ...over,
});

const answer = `The \`api\` pod is killed because it reaches its **memory limit of 256Mi**. The kernel's log names it:

\`\`\`log
Memory cgroup out of memory: Killed process 31337 (api) total-vm:812340kB, anon-rss:261880kB
\`\`\`

| pod | restarts | last state |
| --- | ---: | --- |
| api-7d9f | 6 | OOMKilled |
| api-8c2a | 5 | OOMKilled |
| web-1b44 | 0 | – |

Why I think so:

1. All six ends of \`api-7d9f\` have exit code 137, which is a kill.
2. Use rises from 140Mi to 255Mi within four minutes after a start, then drops to zero.
3. It began with release [2.14.0](https://releases.example.com/api/2.14.0), which [added a cache](https://git.example.org/api/pull/881).

> The limit was set for release 1.9 and not changed since.

I suggest to raise the limit first and to look at the cache afterwards.`;

export function story() {
  const t = new Ticket('HD-1400', 'API pod restarts after deploy');
  t.add('TicketCreated', { title: t.title, agent: 'a1', instance: 'i1' }, ann);
  t.add('MessagePosted', { id: 'm1', role: 'user', content: 'Why is the api pod restarting? It began after the deploy of this morning.', turn: 't1', instance: 'i1' }, ann);
  t.add('TurnQueued', { turn: 't1', message: 'm1', agent: 'a1', instance: 'i1' }, ann);
  t.add('TurnStarted', { turn: 't1', agent: 'a1', agent_name: 'Runbooks', instance: 'i1' });
  t.add('TurnSent', { turn: 't1' });
  t.add('PlanStated', { turn: 't1', steps: [{ title: 'List the pods and their restarts', state: 'done' }, { title: 'Read why the last one ended', state: 'done' }, { title: 'Compare memory use with the limit', state: 'active' }, { title: 'Look at the node', state: 'skipped' }, { title: 'Say what to change', state: 'pending' }] });
  t.add('ReasoningRecorded', { turn: 't1', text: 'Restarts after a deploy: either the new version crashes by itself, or its limits no longer fit.\nThe exit code tells the two apart, so I look at that first.', took_ms: 4_100 });
  t.add('ActivityRecorded', { turn: 't1', name: 'list pods', detail: 'namespace blue', result: 'api-7d9f   0/1   CrashLoopBackOff   6\napi-8c2a   0/1   CrashLoopBackOff   5\nweb-1b44   1/1   Running            0', took_ms: 310 });
  t.add('ActivityRecorded', { turn: 't1', name: 'read metrics', detail: 'container_memory_working_set_bytes, 2 h', took_ms: 990, failure: true, result: 'The metrics server did not answer within 1 s.' });
  t.add('SuggestionProposed', propose('t1', { command: 'kubectl -n blue get pods -o wide', purpose: 'See which pods restart and on which node.', expected: 'One line a pod.' }));
  t.add('SuggestionProposed', propose('t1', { command: 'kubectl -n blue describe pod api-7d9f', purpose: 'Read the reason of the last end.' }));
  t.add('SuggestionProposed', propose('t1', { command: 'journalctl -k --since -2h | grep -i oom', purpose: 'Ask the kernel.' }));
  t.add('MessagePosted', { id: 'r1', role: 'assistant', content: 'I look at the pods, at how the last one ended, and at the kernel. Please decide on the three commands below.', turn: 't1', instance: 'i1' });
  t.add('TurnEnded', { turn: 't1', state: 'done', message: 'r1' });
  decided(t, 's1', 'execute', 'running', ann);
  ran(t, 's1', 'r-1', ann, 0, 'NAME       READY   STATUS             RESTARTS   NODE\napi-7d9f   0/1     CrashLoopBackOff   6          n2\napi-8c2a   0/1     CrashLoopBackOff   5          n3\nweb-1b44   1/1     Running            0          n2\n');
  decided(t, 's2', 'reject', 'rejected', bo, 'Avoid describe commands, they are slow here.');
  decided(t, 's3', 'approve', 'approved', ann);
  t.add('TicketStatusChanged', { from: 'open', to: 'in_progress' }, bo);
  t.status = 'in_progress';
  t.add('MessagePosted', { id: 'm2', role: 'user', content: 'Go on. The release notes are in the wiki if you need them:\nhttps://wiki.example.com/api', turn: 't2', instance: 'i1' }, ann);
  ran(t, 's3', 'r-2', ann, 1, 'journalctl: cannot open the kernel log: Permission denied\n');
  t.add('TurnStarted', { turn: 't2', agent: 'a1', agent_name: 'Runbooks', instance: 'i1' });
  t.add('TurnSent', { turn: 't2', delivered: [{ suggestion: 's1', command: 'kubectl -n blue get pods -o wide', choice: 'execute', run: 'r-1', outcome: outcome(0, '') }, { suggestion: 's2', command: 'kubectl -n blue describe pod api-7d9f', choice: 'reject', reason: 'Avoid describe commands, they are slow here.' }, { suggestion: 's3', command: 'journalctl -k --since -2h | grep -i oom', choice: 'approve', run: 'r-2', outcome: outcome(1, '') }] });
  t.add('ReasoningRecorded', { turn: 't2', text: 'Exit 137 six times. That is memory.', took_ms: 12_400 });
  t.add('LinkOffered', { turn: 't2', url: 'https://grafana.example.com/d/pods?var-ns=blue', description: 'Memory of the blue namespace, last two hours' });
  t.add('LinkOffered', { turn: 't2', url: 'javascript:alert(1)', description: 'A trap' });
  t.add('SuggestionProposed', propose('t2', { command: 'kubectl -n blue set resources deploy/api \\\n  --limits=memory=512Mi --requests=memory=256Mi --containers=api --record-annotation=helpdesk.example.com/ticket=HD-1400', purpose: 'Raises the limit above the highest use of the last two hours (255Mi).', expected: 'deployment.apps/api resource requirements updated', risk: 'changes', env_names: ['KUBECONFIG'] }));
  t.add('SuggestionProposed', propose('t2', { command: 'kubectl -n blue apply -f limits.yaml && rm -rf /var/cache/api/* # clean \u202E up\u202C аpi', purpose: 'Sets both limits from a file and removes the old cache.', risk: 'destructive', files: [{ path: 'limits.yaml', content: 'apiVersion: v1\nkind: LimitRange\nmetadata:\n  name: api\nspec:\n  limits:\n    - type: Container\n      default:\n        memory: 512Mi\n' }, { path: 'notes/why.txt', content: 'See HD-1400.\n' }] }));
  t.add('SuggestionProposed', propose('t2', { command: 'kubectl -n blue rollout status deploy/api --timeout=120s', purpose: 'Wait until the new pods run.' }));
  t.add('MessagePosted', { id: 'r2', role: 'assistant', content: answer, turn: 't2', instance: 'i1' });
  t.add('TurnEnded', { turn: 't2', state: 'done', message: 'r2' });
  t.add('WorkspaceOpened', { number: 1 }, system);
  t.add('FileChanged', { path: 'limits.yaml', change: 'written', size: 128 }, ann);
  t.files.set('limits.yaml', 'apiVersion: v1\nkind: LimitRange\nmetadata:\n  name: api\n');
  t.files.set('logs/api-7d9f.log', '2026-01-01T10:57:00Z starting\n'.repeat(40));
  t.files.set('core.bin', Buffer.from([0, 1, 2, 255]));
  return t;
}

export function failures() {
  const t = new Ticket('HD-1397', 'Rotate the TLS certificates of the gateway');
  t.add('TicketCreated', { title: t.title, agent: 'a1', instance: 'i1' }, ann);
  for (const [n, state, reason, text] of [[1, 'failed', 'The model provider answered 529: it is overloaded.', ''], [2, 'interrupted', 'The server was restarted.', 'The certificate of `gateway` ends in **three d'], [3, 'cancelled', 'Ann Archer stopped it.', 'I will first read the']]) {
    t.add('MessagePosted', { id: `m${n}`, role: 'user', content: `Try ${n}: which certificates end this month?`, turn: `t${n}` }, ann);
    t.add('TurnStarted', { turn: `t${n}`, agent: 'a1', agent_name: 'Runbooks', instance: 'i1' });
    t.add('TurnEnded', { turn: `t${n}`, state, reason, text });
  }
  t.add('MessagePosted', { id: 'm8', role: 'user', content: 'And which gateways use them?', turn: 't8' }, ann);
  t.add('MessagePosted', { id: 'm9', role: 'user', content: 'Only in blue, please.', turn: 't9' }, bo);
  t.add('TurnsHeld', { turns: ['t8', 't9'] }, ann);
  t.held = true;
  t.add('QuestionAsked', { turn: 't3', text: 'Which gateway do you mean?', choices: ['gateway-public', 'gateway-internal', 'Both'] });
  for (const [id, move] of [['x1', ['lapsed', 'The ticket was closed.']], ['x2', ['unknown', 'The server was restarted while it ran.']], ['x3', ['proposed', 'The command before it ended with exit 1.']]]) {
    t.add('SuggestionProposed', propose('t3', { id, command: `openssl x509 -in /etc/gateway/${id}.pem -noout -enddate`, purpose: 'Read the date.' }));
    t.add('SuggestionMoved', { id, state: move[0], note: move[1] }, system);
  }
  return t;
}

export function long(rounds = 1000) {
  const t = new Ticket('HD-2000', 'A very long ticket', Date.now() - rounds * 60_000);
  t.add('TicketCreated', { title: t.title, agent: 'a1', instance: 'i1' }, ann);
  for (let n = 1; n <= rounds; n++) {
    t.add('MessagePosted', { id: `m${n}`, role: 'user', content: `Question ${n}: what about part ${n % 7}?`, turn: `t${n}` }, ann);
    t.add('TurnStarted', { turn: `t${n}`, agent: 'a1', agent_name: 'Runbooks', instance: 'i1' });
    t.add('ReasoningRecorded', { turn: `t${n}`, text: 'A thought.', took_ms: 800 });
    t.add('MessagePosted', { id: `r${n}`, role: 'assistant', content: `Answer ${n}.\n\n${'Some words about it. '.repeat((n % 9) * 6 + 3)}\n\n- one\n- two \`code\`${n % 5 ? '' : '\n\n```sh\nls -la /srv\n```'}`, turn: `t${n}` });
    t.add('TurnEnded', { turn: `t${n}`, state: 'done', message: `r${n}` });
  }
  return t;
}

export const empty = () => {
  const t = new Ticket('HD-1399', 'Nothing said yet');
  t.add('TicketCreated', { title: t.title, agent: 'a1', instance: 'i1' }, ann);
  return t;
};

export function outcome(exit_code, output, by = ann, ms = 1800) {
  const ended = Date.now();
  return { exit_code, output, by, started_at: new Date(ended - ms).toISOString(), ended_at: new Date(ended).toISOString() };
}
function decided(t, id, choice, state, by, reason) {
  t.add('SuggestionDecided', { id, choice, state, reason, digest: t.suggestion(id).digest }, by);
}
function ran(t, id, run, by, code, output) {
  const s = t.suggestion(id);
  t.add('RunStarted', { run, suggestion: id, command: s.command, scope: s.scope }, by);
  t.add('RunEnded', { run, suggestion: id, state: 'ran', outcome: outcome(code, output, by) }, by);
}
