import { Check, Circle, CircleDashed, LoaderCircle, X } from 'lucide-react';
import type { PlanStep, StepState } from './facts';
import { cx } from '../ui/cx';

const words: Record<StepState, string> = { pending: 'to do', active: 'at work', done: 'done', skipped: 'skipped', failed: 'failed' };

/** The agent's plan, its steps ticked off as they go. */
export function Plan({ steps, live }: { steps: readonly PlanStep[]; live: boolean }) {
  const done = steps.filter((s) => s.state === 'done').length;
  return (
    <div role="group" aria-label="Plan" className="max-w-answer rounded-card bg-raised px-3 py-2 text-control">
      <p className="text-meta font-medium text-ink-2">
        Plan <span className="num font-normal text-ink-3">{`${done} of ${steps.length}`}</span>
      </p>
      <ol className="mt-1 flex flex-col gap-0.5">
        {steps.map((s, i) => (
          // oxlint-disable-next-line react/no-array-index-key -- the plan is replaced as a whole
          <li key={i} className={cx('flex items-start gap-2', s.state === 'done' || s.state === 'skipped' ? 'text-ink-2' : 'text-ink')}>
            <StepIcon state={s.state} live={live} />
            <span className={cx('min-w-0 wrap-anywhere', s.state === 'active' && 'font-medium', s.state === 'skipped' && 'line-through')}>{s.title}</span>
            <span className={cx('ml-auto shrink-0 text-meta', s.state === 'skipped' || s.state === 'failed' ? 'text-ink-3' : 'sr-only')}>{words[s.state]}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function StepIcon({ state, live }: { state: StepState; live: boolean }) {
  const place = 'mt-0.75 shrink-0';
  if (state === 'done') return <Check size={14} aria-hidden className={cx(place, 'text-ok')} />;
  if (state === 'failed') return <X size={14} aria-hidden className={cx(place, 'text-danger')} />;
  if (state === 'active') return live ? <LoaderCircle size={14} aria-hidden className={cx(place, 'animate-spin text-agent')} /> : <Circle size={14} aria-hidden className={cx(place, 'text-agent')} />;
  if (state === 'skipped') return <CircleDashed size={14} aria-hidden className={cx(place, 'text-ink-3')} />;
  return <Circle size={14} aria-hidden className={cx(place, 'text-line-strong')} />;
}
