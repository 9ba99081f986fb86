import { LoaderCircle, Undo2 } from 'lucide-react';
import { type MouseEvent, useState } from 'react';
import { useConnection } from '../api/live';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Textarea } from '../ui/Input';
import type { Suggestion } from './canvas';
import type { Pending } from './CanvasStore';
import { labels, reasons } from './decisions';
import type { Choice } from './facts';

export type Step = 'choose' | 'reject' | 'sure-approve' | 'sure-execute';

type Props = {
  s: Suggestion;
  scope: string;
  open: readonly Choice[];
  busy: Choice | null;
  failed: Pending | null;
  /** What became of it, in one sentence. */
  stand: string;
  step: Step;
  setStep: (step: Step) => void;
  settled: () => boolean;
  decide: (choice: Choice, reason?: string) => void;
};

/** The foot of a card: the four decisions, the second step where there is one, or what was decided. */
export function DecisionBar({ s, scope, open, busy, failed, stand, step, setStep, settled, decide }: Props) {
  const live = useConnection().state !== 'lost';
  const offline = !live && 'Needs a connection.';
  const foot = 'mt-2 border-t border-line px-3 py-2';

  if (busy) {
    return (
      <p role="status" className={`${foot} flex min-h-[calc(var(--control)+17px)] items-center gap-2 text-control text-ink-2`}>
        <LoaderCircle size={16} aria-hidden className="animate-spin" />
        {busy === 'undo' ? 'Taking it back…' : labels[busy].busy}
      </p>
    );
  }
  if (step === 'reject' && open.includes('reject')) {
    return <RejectForm id={s.id} kept={failed?.choice === 'reject' ? failed.reason : ''} offline={offline} onBack={() => setStep('choose')} onReject={(reason) => decide('reject', reason)} className={foot} />;
  }
  if ((step === 'sure-approve' || step === 'sure-execute') && open.length > 0) {
    const now = step === 'sure-execute';
    return (
      <div className={`${foot} flex flex-wrap items-center gap-2`}>
        <p className="min-w-48 flex-1 text-control font-medium text-danger max-wide:w-full max-wide:flex-none">
          This may destroy data in {scope}. It {now ? 'runs now' : 'runs with your next message'}.
        </p>
        <Button onClick={() => setStep('choose')} className="max-wide:flex-1">Back</Button>
        <Button tone="danger" autoFocus disabledReason={offline} className="max-wide:flex-1" onClick={guarded(settled, () => decide(now ? 'execute' : 'approve'))}>
          {now ? `Execute in ${scope}` : `Approve for ${scope}`}
        </Button>
      </div>
    );
  }
  if (open.includes('approve')) {
    const press = (choice: Choice) => () => {
      if (choice === 'reject') setStep('reject');
      else if (s.risk === 'destructive' && choice !== 'ignore') setStep(choice === 'approve' ? 'sure-approve' : 'sure-execute');
      else decide(choice);
    };
    const button = (choice: 'approve' | 'reject' | 'ignore' | 'execute', tone: 'primary' | 'secondary' | 'quiet') => (
      <Button tone={tone} tip={labels[choice].help(scope)} keys={labels[choice].keys} disabledReason={offline} onClick={guarded(settled, press(choice))} className="max-wide:flex-1">
        {labels[choice].label}
        <kbd aria-hidden className="hidden font-sans text-[11px] opacity-60 group-focus/card:inline">
          {labels[choice].keys}
        </kbd>
      </Button>
    );
    return (
      <div className={foot}>
        {stand && <p className="mb-2 text-control text-warn">{stand}</p>}
        <div className="flex flex-wrap gap-2">
          {button('approve', 'primary')}
          {button('reject', 'secondary')}
          {button('ignore', 'secondary')}
          <span className="hidden flex-1 wide:block" />
          {button('execute', 'secondary')}
        </div>
      </div>
    );
  }
  return (
    <div className={`${foot} flex min-h-[calc(var(--control)+9px)] flex-wrap items-center gap-2 text-control text-ink-2`}>
      <p className="min-w-0 flex-1">{stand}</p>
      {open.includes('undo') && (
        <Button size="small" icon={<Undo2 size={14} aria-hidden />} disabledReason={offline} onClick={() => decide('undo')}>
          Undo
        </Button>
      )}
    </div>
  );
}

function RejectForm({ id, kept, offline, onBack, onReject, className }: { id: string; kept: string; offline: string | false; onBack: () => void; onReject: (reason: string) => void; className: string }) {
  const [text, setText] = useState(kept);
  return (
    <form
      className={`${className} flex flex-col gap-2`}
      onSubmit={(e) => {
        e.preventDefault();
        if (!offline) onReject(text.trim());
      }}
      onKeyDown={(e) => {
        if (e.key === 'Escape') onBack();
        if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) e.currentTarget.requestSubmit();
      }}
    >
      <Field label="What should the agent do instead?" optional>
        {(c) => <Textarea {...c} key={id} rows={2} autoFocus value={text} maxLength={4000} onChange={(e) => setText(e.target.value)} className="max-h-40" />}
      </Field>
      <div className="flex flex-wrap items-center gap-2">
        {reasons.map((reason) => (
          <Button key={reason} size="small" onClick={() => setText((t) => (t.trim() ? `${t.trim()} ${reason}.` : `${reason}.`))}>
            {reason}
          </Button>
        ))}
        <span className="flex-1" />
        <Button onClick={onBack} className="max-wide:flex-1">Back</Button>
        <Button type="submit" className="max-wide:flex-1" tone="danger" disabledReason={offline}>
          Reject
        </Button>
      </div>
    </form>
  );
}

// A press on what has just appeared or moved is most likely meant for something else.
const guarded = (settled: () => boolean, run: () => void) => (e: MouseEvent) => {
  // A key press on a focused button is no slip of the pointer.
  if (e.detail === 0 || settled()) run();
};
