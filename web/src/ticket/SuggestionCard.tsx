import { ChevronRight, CircleAlert } from 'lucide-react';
import { type KeyboardEvent, memo, useRef, useState } from 'react';
import { useSingleKeys } from '../app/shortcuts';
import { Chip, type Tone } from '../ui/Chip';
import { CopyButton } from '../ui/CopyButton';
import { cx } from '../ui/cx';
import { RelativeTime } from '../ui/RelativeTime';
import type { Suggestion } from './canvas';
import { CommandText } from './CommandText';
import { useCanvas, useHead, useHere } from './context';
import { DecisionBar, type Step } from './DecisionBar';
import { choices, failure, standing } from './decisions';
import type { Choice, Risk } from './facts';
import { RunOutput } from './RunOutput';
import { count, placeWord, riskWords, scopeWord } from './words';
import { useSettled } from './useSettled';

const riskTones: Record<Risk, Tone> = { reads: 'neutral', changes: 'warn', destructive: 'danger' };
const barTones: Record<string, string> = { ok: 'bg-ok', danger: 'bg-danger', warn: 'bg-warn', accent: 'bg-accent', neutral: 'bg-line-strong' };

/** The element ids of cards, so that the waiting bar can lead to one. */
export const cardId = (suggestion: string) => `card-${suggestion}`;

/** One suggested command with all that a decision on it binds, and the decision itself. */
export const SuggestionCard = memo(function SuggestionCard({ id }: { id: string }) {
  const s = useCanvas((c) => c.canvas.suggestions.get(id));
  return s ? <Card s={s} /> : null;
});

function Card({ s }: { s: Suggestion }) {
  const { store, me } = useHere();
  const head = useHead();
  const pending = useCanvas((c) => c.pending.get(s.id));
  const run = useCanvas((c) => (s.run ? c.canvas.runs.get(s.run) : undefined));
  const [singleKeys] = useSingleKeys();
  const [step, setStep] = useState<Step>('choose');
  const box = useRef<HTMLDivElement>(null);
  const settled = useSettled(box);

  const open = choices(s);
  const busy = pending?.error === '' ? pending.choice : null;
  const failed = pending && pending.error !== '' ? pending : null;
  const stand = standing(s, me.id);
  const scope = scopeWord(s.scope, head.tenant.name);
  const waits = s.state === 'proposed' && !busy;

  const decide = (choice: Choice, reason = '') => {
    setStep('choose');
    // The buttons are about to go; the card keeps the focus, so the keyboard stays here.
    box.current?.focus({ preventScroll: true });
    void store.decide(s.id, choice, reason);
  };

  const onKey = (e: KeyboardEvent) => {
    if (e.target !== e.currentTarget || e.ctrlKey || e.metaKey || e.altKey || !waits || !singleKeys) return;
    const choice = ({ a: 'approve', r: 'reject', i: 'ignore', x: 'execute' } as const)[e.key.toLowerCase()];
    if (!choice) return;
    e.preventDefault();
    e.stopPropagation();
    if (!settled()) return;
    if (choice === 'reject') setStep('reject');
    else if (s.risk === 'destructive' && choice !== 'ignore') setStep(choice === 'approve' ? 'sure-approve' : 'sure-execute');
    else decide(choice);
  };

  return (
    <div
      ref={box}
      role="group"
      id={cardId(s.id)}
      tabIndex={-1}
      aria-label={`Suggested command: ${s.command}`}
      data-waiting={waits || undefined}
      onKeyDown={onKey}
      className={cx(
        'group/card relative max-w-answer overflow-hidden rounded-card border bg-surface focus-visible:outline-offset-0 focus:border-focus',
        waits ? 'border-line-strong' : 'border-line',
      )}
    >
      {stand && <span aria-hidden className={cx('absolute inset-y-0 left-0 w-0.75', barTones[stand.tone])} />}
      <header className="flex items-center gap-2 pt-1.5 pr-1.5 pl-3">
        <h3 className="text-control font-semibold whitespace-nowrap">
          Suggested command
        </h3>
        <Chip tone={riskTones[s.risk]} icon={s.risk === 'destructive' ? <CircleAlert size={12} aria-hidden /> : undefined}>
          {riskWords[s.risk]}
        </Chip>
        <span className="flex-1" />
        <RelativeTime at={s.at} className="num text-meta whitespace-nowrap text-ink-3 max-wide:hidden" />
        <CopyButton text={s.command} name="Copy command" />
      </header>
      <p className="flex flex-wrap gap-x-1.5 px-3 text-meta text-ink-2">
        <span>
          runs in <strong className="font-medium text-ink">{scope}</strong>
        </span>
        <span aria-hidden>·</span>
        <span>{placeWord(s.place)}</span>
        {s.cwd && (
          <>
            <span aria-hidden>·</span>
            <span className="font-mono wrap-anywhere">{s.cwd}</span>
          </>
        )}
      </p>
      <div className="mx-3 mt-2 rounded-control border border-line bg-bg px-3 py-2">
        <CommandText text={s.command} label={`Command, exactly: ${s.command}`} />
      </div>
      <div className="flex flex-col gap-1 px-3 pt-2 text-control">
        {s.purpose && (
          <p>
            <span className="text-ink-3">Why </span>
            {s.purpose}
          </p>
        )}
        {s.expected && (
          <p>
            <span className="text-ink-3">Expected </span>
            {s.expected}
          </p>
        )}
        {s.envNames.length > 0 && (
          <p className="text-meta text-ink-3">
            Sets <span className="font-mono">{s.envNames.join(', ')}</span>
          </p>
        )}
        <Files files={s.files} />
      </div>
      {run && (run.state !== 'waiting' || s.state === 'running') && (
        <div className="mx-3 mt-2">
          <RunOutput run={run} />
        </div>
      )}
      {failed && (
        <p role="alert" className="mx-3 mt-2 flex items-start gap-1.5 text-control text-danger">
          <CircleAlert size={16} aria-hidden className="mt-0.5 shrink-0" />
          <span>{failure(failed)}</span>
        </p>
      )}
      <DecisionBar s={s} scope={scope} open={open} busy={busy} failed={failed} stand={stand?.text ?? ''} step={step} setStep={setStep} settled={settled} decide={decide} />
    </div>
  );
}

function Files({ files }: { files: Suggestion['files'] }) {
  if (files.length === 0) return null;
  return (
    <div className="mt-1 rounded-control border border-line">
      <p className="px-2 py-1 text-meta text-ink-3">Writes {count(files.length, 'file')} first, replacing what is there</p>
      {files.map((f) => (
        <details key={f.path} className="group/file border-t border-line">
          <summary className="focus-inset flex min-h-8 list-none items-center gap-1 px-2 text-meta">
            <ChevronRight size={14} aria-hidden className="shrink-0 group-open/file:rotate-90" />
            <CommandText text={f.path} label="File" className="max-h-none! pointer-events-none" />
            <span className="ml-auto text-ink-3">{count(f.content.split('\n').length, 'line')}</span>
          </summary>
          <div className="border-t border-line bg-bg px-3 py-2">
            <CommandText text={f.content} label={`Content of ${f.path}`} />
          </div>
        </details>
      ))}
    </div>
  );
}
