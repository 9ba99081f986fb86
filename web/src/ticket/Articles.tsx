import { CircleSlash, Clock, Hand } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import { Button } from '../ui/Button';
import { CopyButton } from '../ui/CopyButton';
import { cx } from '../ui/cx';
import { Disclosure } from '../ui/Disclosure';
import type { MessageRow, NoticeRow, TurnRow } from './canvas';
import { useCanvas, useHead, useHere } from './context';
import { useCompose } from './compose';
import type { Delivery } from './facts';
import { LinkCard } from './LinkCard';
import { Markdown } from './Markdown';
import { Plan } from './Plan';
import { liveThought } from './stream';
import { SuggestionCard } from './SuggestionCard';
import { noticeText } from './timelineText';
import { Doing, Trail } from './Trail';
import { count, ending, timeOf, WhoWord } from './words';

/** Who speaks and when; the article's name. */
function Author({ name, at, tone, children }: { name: string; at: string; tone: 'human' | 'agent'; children?: ReactNode }) {
  return (
    <header className="flex min-h-7 items-center gap-2">
      <h2 className={cx('text-control font-semibold', tone === 'agent' ? 'text-agent' : 'text-human')}>{name}</h2>
      <time dateTime={at} title={new Date(at).toLocaleString()} className="num text-meta text-ink-3">
        {timeOf(at)}
      </time>
      {children}
    </header>
  );
}

export const MessageArticle = memo(function MessageArticle({ row }: { row: MessageRow }) {
  const { me } = useHere();
  return (
    <article aria-label={`Message of ${WhoWord(row.by, me.id)}`} className="group/article">
      <Author name={WhoWord(row.by, me.id)} at={row.at} tone="human">
        {row.fate === 'queued' && (
          <span className="flex items-center gap-1 text-meta text-ink-3">
            <Clock size={12} aria-hidden /> Sent when the agent is free
          </span>
        )}
        {row.fate === 'held' && (
          <span className="flex items-center gap-1 text-meta text-warn">
            <Hand size={12} aria-hidden /> Held
          </span>
        )}
        {row.fate === 'discarded' && (
          <span className="flex items-center gap-1 text-meta text-ink-3">
            <CircleSlash size={12} aria-hidden /> Not sent
          </span>
        )}
        <span className="flex-1" />
        {row.content && (
          <span className="opacity-0 group-hover/article:opacity-100 focus-within:opacity-100 pointer-coarse:opacity-100">
            <CopyButton text={row.content} name="Copy message" />
          </span>
        )}
      </Author>
      {row.content ? (
        <p className={cx('max-w-answer whitespace-pre-wrap wrap-anywhere', row.fate === 'discarded' ? 'text-ink-3 line-through' : row.fate !== 'sent' && 'text-ink-2')}>{row.content}</p>
      ) : (
        <p className="text-control text-ink-3">Sent the results and decisions.</p>
      )}
    </article>
  );
});

export const TurnArticle = memo(function TurnArticle({ row }: { row: TurnRow }) {
  const stream = useCanvas((c) => c.streams.get(row.id));
  const text = row.answer ?? (row.state === 'running' ? (stream?.text ?? '') : row.partial);
  const growing = row.state === 'running' && row.answer === null;
  // Before the answer there is always something to say; after it has begun, only what is new.
  const doing = !growing ? '' : ((stream && liveThought(stream)) ?? '') || (stream && (text === '' || stream.last === 'status') ? stream.status : '');
  const name = row.agent || 'Agent';
  return (
    <article aria-label={`Answer of ${name}`} className="group/article flex flex-col gap-2.5">
      <Author name={name} at={row.at} tone="agent">
        <span className="flex-1" />
        {text && !growing && (
          <span className="opacity-0 group-hover/article:opacity-100 focus-within:opacity-100 pointer-coarse:opacity-100">
            <CopyButton text={text} name="Copy answer" />
          </span>
        )}
      </Author>
      {row.delivered.length > 0 && <Delivered items={row.delivered} />}
      {row.plan.length > 0 && <Plan steps={row.plan} live={growing} />}
      <Trail steps={row.trail} now={growing && text === '' ? doing || 'Thinking…' : ''} />
      {text && <Markdown text={text} growing={row.answer === null} />}
      {text && doing && <Doing what={doing} />}
      <End row={row} hasText={text !== ''} />
      {row.links.map((l) => (
        <LinkCard key={l.seq} url={l.url} description={l.description} />
      ))}
      {row.suggestions.map((id) => (
        <SuggestionCard key={id} id={id} />
      ))}
      {row.question && <QuestionCard row={row} />}
    </article>
  );
});

function End({ row, hasText }: { row: TurnRow; hasText: boolean }) {
  if (row.state === 'running' || row.state === 'done') {
    const silent = row.state === 'done' && !hasText && row.suggestions.length === 0 && row.links.length === 0 && !row.question;
    return silent ? <p className="text-control text-ink-3">The agent ended without an answer.</p> : null;
  }
  const reason = row.reason.trim();
  const what = { cancelled: 'Stopped', interrupted: 'Interrupted', failed: 'The agent could not answer' }[row.state];
  const next = {
    cancelled: '',
    interrupted: 'The request may have reached the agent, so it was not sent again by itself. Send your message again to go on.',
    failed: 'Your message is kept. Send it again, or choose another agent in the header.',
  }[row.state];
  return (
    <div className={cx('max-w-answer border-l-2 pl-3 text-control', row.state === 'failed' ? 'border-danger' : 'border-warn')}>
      <p className="font-medium">
        {what}
        {reason ? `: ${reason}` : '.'}
      </p>
      {(next || hasText) && <p className="text-ink-2">{[hasText ? 'What had arrived is kept above.' : '', next].filter(Boolean).join(' ')}</p>}
    </div>
  );
}

function Delivered({ items }: { items: readonly Delivery[] }) {
  const ran = items.filter((d) => d.outcome).length;
  const rejected = items.filter((d) => d.choice === 'reject').length;
  const rest = items.length - ran - rejected;
  const words = [ran && count(ran, 'result'), rejected && count(rejected, 'rejection'), rest && count(rest, 'decision')].filter(Boolean).join(', ');
  return (
    <Disclosure summary={`Was told ${words}`}>
      <ul className="mt-1 ml-5 flex max-w-answer flex-col gap-1 text-control">
        {items.map((d) => (
          <li key={d.suggestion} className="min-w-0 wrap-anywhere">
            <code className="font-mono text-meta">{d.command}</code>{' '}
            <span className="text-ink-2">{d.outcome ? ending(d.outcome) : d.choice === 'reject' ? `rejected${d.reason ? `: “${d.reason}”` : ''}` : d.choice === 'approve' ? 'approved' : d.choice}</span>
          </li>
        ))}
      </ul>
    </Disclosure>
  );
}

function QuestionCard({ row }: { row: TurnRow }) {
  const open = useCanvas((c) => c.canvas.openQuestion === row.id);
  const compose = useCompose();
  const head = useHead();
  if (!row.question) return null;
  return (
    <div role="group" aria-label="Question" data-waiting={open || undefined} tabIndex={-1} id={`card-question-${row.id}`} className={cx('max-w-answer rounded-card border px-3 py-2', open ? 'border-line-strong' : 'border-line')}>
      <p className="font-medium whitespace-pre-wrap wrap-anywhere">{row.question.text}</p>
      {row.question.choices.length > 0 && (
        <div className="mt-2 flex flex-wrap gap-2">
          {row.question.choices.map((choice) => (
            <Button key={choice} disabledReason={!open ? 'This question was answered.' : head.status === 'closed' && 'The ticket is closed.'} onClick={() => compose.fill(choice)} className="h-auto! min-h-control py-1 whitespace-normal!">
              {choice}
            </Button>
          ))}
        </div>
      )}
      {open && <p className="mt-1.5 text-meta text-ink-3">{row.question.choices.length > 0 ? 'A choice fills your message; you send it.' : 'Answer with your next message.'}</p>}
    </div>
  );
}

export const Notice = memo(function Notice({ row }: { row: NoticeRow }) {
  const { me } = useHere();
  return (
    <p className="flex items-center gap-2 text-meta text-ink-3">
      <span aria-hidden className="h-px w-4 bg-line" />
      <span className="min-w-0 wrap-anywhere">
        {WhoWord(row.by, me.id)} {noticeText(row.event)}
      </span>
      <time dateTime={row.at} className="num shrink-0">
        {timeOf(row.at)}
      </time>
      <span aria-hidden className="h-px flex-1 bg-line" />
    </p>
  );
});
