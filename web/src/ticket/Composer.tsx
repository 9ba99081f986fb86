import { useMutation } from '@tanstack/react-query';
import { CornerDownLeft, SendHorizontal, Square } from 'lucide-react';
import { type KeyboardEvent, type Ref, useImperativeHandle, useRef, useState } from 'react';
import { useConnection } from '../api/live';
import { sentence } from '../api/problem';
import { changeTicket } from '../api/tickets';
import { readStored, writeStored } from '../app/stored';
import { Banner } from '../ui/Banner';
import { Button } from '../ui/Button';
import { cx } from '../ui/cx';
import { Textarea } from '../ui/Input';
import { postMessage, releaseTurns, stopTurn } from './api';
import { due, runningTurn } from './canvas';
import type { Compose } from './compose';
import { useCanvas, useHead, useHere } from './context';
import { count } from './words';

// Below the server's 256 KiB, in characters; the server judges bytes.
const limit = 200_000;
const escapeTwiceMs = 600;

/** Where the reader writes. Its text is its own: a key press draws nothing else again. */
export function Composer({ ref, onSent }: { ref: Ref<Compose>; onSent: () => void }) {
  const { store } = useHere();
  const head = useHead();
  const draftName = `draft.${store.key}`;
  const [text, setText] = useState(() => readStored(draftName) ?? '');
  const [stopAsked, setStopAsked] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const escapedAt = useRef(-Infinity);
  const running = useCanvas((c) => runningTurn(c.canvas)?.id ?? '');
  const held = useCanvas((c) => (c.canvas.held ? c.canvas.queued.filter((m) => m.fate === 'held').length : 0));
  const dueWords = useCanvas((c) => dueText(due(c.canvas, head.instance.id)));
  const lost = useConnection().state === 'lost';
  const closed = head.status === 'closed';
  const empty = text.trim() === '';

  const keep = (next: string) => {
    setText(next);
    writeStored(draftName, next === '' ? null : next);
  };
  useImperativeHandle(ref, () => ({
    fill: (words) => {
      keep(text.trim() ? `${text.trimEnd()}\n${words}` : words);
      box.current?.focus();
    },
    focus: () => box.current?.focus(),
  }));

  // One key for one message: a try again after a lost answer posts it once.
  const attempt = useRef<{ text: string; key: string } | null>(null);
  const send = useMutation({
    mutationFn: async (content: string) => {
      if (attempt.current?.text !== content) attempt.current = { text: content, key: crypto.randomUUID() };
      if (closed) await changeTicket(store.key, { status: 'open' });
      await postMessage(store.key, content, attempt.current.key);
    },
    onSuccess: (_data, content) => {
      attempt.current = null;
      setText((now) => {
        const rest = now.trim() === content ? '' : now;
        writeStored(draftName, rest === '' ? null : rest);
        return rest;
      });
      onSent();
    },
  });
  const stop = useMutation({ mutationFn: () => stopTurn(store.key), onSettled: () => setStopAsked(false) });
  const release = useMutation({ mutationFn: (discard: boolean) => releaseTurns(store.key, discard) });

  const why = empty && (dueWords === '' || closed) ? 'Write a message first.' : text.length > limit ? 'The message is too long. Put the text in a file of the ticket.' : false;
  const hint = lost ? 'No connection. What you type is kept.' : dueWords ? `Goes along: ${dueWords}` : '';
  const submit = () => {
    if (!why && !send.isPending) send.mutate(text.trim());
  };
  const onKey = (e: KeyboardEvent) => {
    if (e.nativeEvent.isComposing) return;
    const touch = window.matchMedia('(pointer: coarse)').matches;
    if (e.key === 'Enter' && !e.shiftKey && (!touch || e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      submit();
    } else if (e.key === 'Escape' && running) {
      if (stopAsked) stop.mutate();
      else if (e.timeStamp - escapedAt.current < escapeTwiceMs) setStopAsked(true);
      escapedAt.current = e.timeStamp;
    } else if (stopAsked) setStopAsked(false);
  };

  const label = closed ? 'Reopen and send' : empty && dueWords ? 'Send results' : 'Send';
  return (
    <div className="flex flex-col gap-2">
      {held > 0 && (
        <Banner
          tone="warn"
          actions={
            <>
              <Button size="small" busy={release.isPending && !release.variables} onClick={() => release.mutate(false)}>
                Send {held === 1 ? 'it' : 'them'}
              </Button>
              <Button size="small" tone="danger" busy={release.isPending && release.variables} onClick={() => release.mutate(true)}>
                Discard
              </Button>
            </>
          }
        >
          The agent was stopped. {count(held, 'message')} {held === 1 ? 'is' : 'are'} held.
          {release.isError && <span className="block text-danger">{sentence(release.error)}</span>}
        </Banner>
      )}
      {send.isError && (
        <Banner tone="danger" live actions={<Button size="small" onClick={submit}>Try again</Button>}>
          Not sent, your text is kept. {sentence(send.error)}
        </Banner>
      )}
      {stop.isError && <Banner tone="danger" live>Not stopped. {sentence(stop.error)}</Banner>}
      <form
        onSubmit={(e) => {
          e.preventDefault();
          submit();
        }}
        className="flex flex-wrap items-end rounded-card border border-line-strong/60 bg-surface wide:flex-col wide:items-stretch focus-within:border-focus focus-within:ring-1 focus-within:ring-focus hover:border-line-strong"
      >
        <label htmlFor="composer" className="sr-only">
          Message to Agent
        </label>
        <Textarea
          id="composer"
          ref={box}
          bare
          rows={1}
          value={text}
          onChange={(e) => keep(e.target.value)}
          onKeyDown={onKey}
          aria-describedby="composer-due"
          placeholder={closed ? 'This ticket is closed. Writing reopens it.' : `Message ${head.agent.name || 'the agent'}`}
          className="max-h-[40dvh] flex-1 overflow-y-auto"
        />
        <p id="composer-due" className={cx('order-first w-full truncate px-3 pt-1.5 text-meta text-ink-3 wide:hidden', !hint && 'hidden')}>
          {hint}
        </p>
        <div className="flex items-center gap-2 p-1.5 wide:min-h-[calc(var(--control)+8px)] wide:pt-0 wide:pl-3">
          <p className="hidden min-w-0 flex-1 truncate text-meta text-ink-3 wide:block">{hint || 'Enter sends, Shift+Enter starts a line'}</p>
          {running && (
            <Button tone={stopAsked ? 'danger' : 'secondary'} icon={<Square size={12} aria-hidden />} keys="Esc Esc" busy={stop.isPending} onClick={() => stop.mutate()}>
              {stopAsked ? 'Esc again to stop' : 'Stop'}
            </Button>
          )}
          <Button type="submit" tone="primary" icon={closed || !empty || !dueWords ? <SendHorizontal size={16} aria-hidden /> : <CornerDownLeft size={16} aria-hidden />} busy={send.isPending} disabledReason={why}>
            {label}
          </Button>
        </div>
      </form>
    </div>
  );
}

/** What the next message carries besides its text. */
function dueText(list: ReturnType<typeof due>): string {
  const n = (state: string) => list.filter((s) => s.state === state).length;
  const results = n('ran') + n('unknown');
  return [n('approved') && count(n('approved'), 'approved command'), results && count(results, 'result'), n('rejected') && count(n('rejected'), 'rejection')].filter(Boolean).join(', ');
}
