import { CircleAlert, LoaderCircle, Wrench } from 'lucide-react';
import type { TrailStep } from './canvas';
import { CommandText } from './CommandText';
import { Disclosure } from '../ui/Disclosure';
import { plainText } from './output';
import { duration } from './words';

type Props = { steps: readonly TrailStep[]; /** What the agent is at just now; "" once its answer has begun. */ now: string };

/** What the agent thought and did before it answered, in order, each behind its own line. */
export function Trail({ steps, now }: Props) {
  if (steps.length === 0 && now === '') return null;
  return (
    <div className="flex max-w-answer flex-col">
      {steps.map((s) => (s.kind === 'reasoning' ? <Reasoning key={s.seq} step={s} /> : <Activity key={s.seq} step={s} />))}
      {now && <Doing what={now} />}
    </div>
  );
}

/** One line on what an agent is doing. */
export function Doing({ what }: { what: string }) {
  return (
    <p className="flex min-h-6 max-w-answer items-center gap-1.5 text-control text-ink-2">
      <LoaderCircle size={14} aria-hidden className="shrink-0 animate-spin" />
      <span className="min-w-0 truncate">{plainText(what)}</span>
    </p>
  );
}

function Reasoning({ step }: { step: Extract<TrailStep, { kind: 'reasoning' }> }) {
  // Less than a second says nothing about a thought.
  const time = step.tookMs < 950 ? '' : duration(step.tookMs);
  return (
    <Disclosure summary={time ? `Thought for ${time}` : 'Thought'}>
      <p className="mt-0.5 mb-1 ml-1.5 border-l-2 border-agent-soft pl-3 text-control whitespace-pre-wrap text-ink-2 wrap-anywhere">{plainText(step.text)}</p>
    </Disclosure>
  );
}

function Activity({ step }: { step: Extract<TrailStep, { kind: 'activity' }> }) {
  const detail = plainText(step.detail);
  const firstLine = detail.split('\n', 1)[0] ?? '';
  const line = (
    <>
      {step.failure ? <CircleAlert size={14} aria-hidden className="shrink-0 text-danger" /> : <Wrench size={14} aria-hidden className="shrink-0" />}
      <span className="shrink-0 font-medium">{plainText(step.name)}</span>
      {firstLine && <span className="min-w-0 truncate font-mono text-meta">{firstLine}</span>}
      {step.failure && <span className="shrink-0 text-danger">failed</span>}
      {step.tookMs > 0 && <span className="num shrink-0 text-meta text-ink-3">{duration(step.tookMs)}</span>}
    </>
  );
  if (!step.result && detail === firstLine && detail.length < 60) return <p className="flex min-h-6 min-w-0 items-center gap-1.5 pl-4.5 text-control text-ink-2">{line}</p>;
  return (
    <Disclosure summary={<span className="flex min-w-0 items-center gap-1.5">{line}</span>} className="min-w-0">
      <div className="mt-0.5 mb-1 ml-5 flex flex-col gap-1">
        {detail && <CommandText text={step.detail} label={`${step.name}: ${detail}`} className="rounded-control border border-line bg-bg px-3 py-2" />}
        {step.result && (
          <pre tabIndex={0} aria-label="Result" className="focus-inset max-h-72 overflow-auto rounded-control border border-line bg-term-bg px-3 py-2 font-mono text-meta text-term-fg">
            {plainText(step.result)}
          </pre>
        )}
      </div>
    </Disclosure>
  );
}
