import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, fireEvent, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Watcher } from '../api/events';
import { Problem } from '../api/problem';
import type { Proposal } from './facts';
import { CanvasStore } from './CanvasStore';
import { HeadContext, HereContext } from './context';
import { SuggestionCard } from './SuggestionCard';
import { ann, Log } from './testdata/log';

const head = { key: 'HD-1', title: 'T', status: 'open' as const, solved: null, agent: { id: 'a', name: 'A' }, instance: { id: 'i1', name: 'I' }, tenant: { id: 't', name: 'blue' }, held: false, seq: 0 };
globalThis.IntersectionObserver ??= class {
  root = null;
  rootMargin = '';
  scrollMargin = '';
  thresholds = [];
  observe() {}
  unobserve() {}
  disconnect() {}
  takeRecords() {
    return [];
  }
};

let now = 0;
beforeEach(() => {
  now = 10_000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => void vi.restoreAllMocks());

async function card(over: Partial<Proposal> = {}, decide = vi.fn(async () => undefined as unknown)) {
  const log = new Log().round(1).propose('s1', 't1', over);
  let watcher: Watcher | undefined;
  const store = new CanvasStore('HD-1', { stream: { watch: (_k, w) => ((watcher = w), () => {}), reconnectNow() {} }, fetchPage: async () => ({ items: log.events }), decide, me: ann.id });
  store.start();
  await act(async () => {});
  render(
    <QueryClientProvider client={new QueryClient()}>
      <HereContext value={{ store, me: { id: ann.id, admin: false }, adminTerminal: false }}>
        <HeadContext value={head}>
          <SuggestionCard id="s1" />
        </HeadContext>
      </HereContext>
    </QueryClientProvider>,
  );
  const tell = (build: (l: Log) => void) => {
    const n = log.events.length;
    build(log);
    act(() => watcher?.onEvents(log.events.slice(n)));
  };
  return { decide, tell, box: screen.getByRole('group', { name: /^Suggested command/ }), user: userEvent.setup() };
}
const settle = () => {
  now += 1000;
};

describe('a suggested command', () => {
  it('shows what a decision binds: the exact command, where it runs, why, how risky', async () => {
    await card({ command: 'rm -rf /srv/a\u202Eb', risk: 'destructive', cwd: '/workspace' });
    expect(screen.getByText('U+202E')).toBeVisible();
    expect(screen.getByText('Tenant: blue')).toBeVisible();
    expect(screen.getByText('Destructive')).toBeVisible();
    expect(screen.getByText('/workspace')).toBeVisible();
  });

  it('takes a press only after it has stood still', async () => {
    const { decide } = await card();
    // detail 1: a press of a pointer, not of a key
    fireEvent.click(screen.getByRole('button', { name: 'Approve' }), { detail: 1 });
    expect(decide).not.toHaveBeenCalled();
    settle();
    fireEvent.click(screen.getByRole('button', { name: 'Approve' }), { detail: 1 });
    expect(decide).toHaveBeenCalledWith('HD-1', 's1', { decision: 'approve', digest: 'digest-s1' });
    expect(screen.queryByRole('button', { name: 'Approve' })).toBeNull();
    expect(screen.getByText('Approving…')).toBeVisible();
  });

  it('hears its keys only while it has the focus itself', async () => {
    const { decide, box, user } = await card();
    settle();
    await user.keyboard('x');
    expect(decide).not.toHaveBeenCalled();
    box.focus();
    await user.keyboard('x');
    expect(decide).toHaveBeenCalledWith('HD-1', 's1', { decision: 'execute', digest: 'digest-s1' });
  });

  it('asks a second time before a destructive one', async () => {
    const { decide, box, user } = await card({ risk: 'destructive' });
    settle();
    box.focus();
    await user.keyboard('a');
    expect(decide).not.toHaveBeenCalled();
    expect(screen.getByText(/may destroy data in Tenant: blue/)).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Approve for Tenant: blue' }));
    expect(decide).toHaveBeenCalledTimes(1);
  });

  it('sends a rejection with its reason, and keeps the text when that fails', async () => {
    const { decide, box, user } = await card({}, vi.fn(async () => Promise.reject(new Problem(503, 'The database is busy. Try again in a moment.'))));
    settle();
    box.focus();
    await user.keyboard('r');
    await user.click(screen.getByRole('button', { name: 'Dry run first' }));
    await user.click(screen.getByRole('button', { name: 'Reject' }));
    expect(decide).toHaveBeenCalledWith('HD-1', 's1', { decision: 'reject', digest: 'digest-s1', reason: 'Dry run first.' });
    expect(await screen.findByRole('alert')).toHaveTextContent('Feedback not sent. Your text is kept. The database is busy.');
    await user.click(screen.getByRole('button', { name: 'Reject' }));
    expect(screen.getByRole('textbox')).toHaveValue('Dry run first.');
  });

  it('shows another person\'s decision, and offers to undo it until the agent was told', async () => {
    const { tell } = await card();
    tell((l) => l.add('SuggestionDecided', { id: 's1', choice: 'reject', state: 'rejected', reason: 'No.', digest: 'd' }, { kind: 'user', id: 'u2', name: 'Bo' }));
    expect(screen.getByText(/Rejected by Bo .*“No\.” The agent hears it with your next message\./)).toBeVisible();
    expect(screen.getByRole('button', { name: 'Undo' })).toBeVisible();
    tell((l) => l.add('TurnSent', { turn: 't2', delivered: [{ suggestion: 's1', command: '', choice: 'reject' }] }));
    expect(screen.queryByRole('button', { name: 'Undo' })).toBeNull();
  });
});
