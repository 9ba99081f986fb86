import { RotateCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from './Button';
import { CopyButton } from './CopyButton';

/** Nothing here yet: one sentence and one action. */
export function EmptyState({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-3 px-4 py-12 text-center text-ink-2">
      <p className="max-w-[32rem] text-balance">{children}</p>
      {action}
    </div>
  );
}

/** What failed, what to do, and the request's number for whoever is asked for help. */
export function ErrorState({ title, detail, requestId, onRetry, action }: { title: string; detail?: string; requestId?: string; onRetry?: () => void; action?: ReactNode }) {
  return (
    <div role="alert" className="flex flex-col items-center gap-3 px-4 py-12 text-center">
      <div className="flex max-w-[36rem] flex-col gap-1">
        <p className="font-medium">{title}</p>
        {detail && <p className="text-control text-ink-2">{detail}</p>}
        {requestId && (
          <p className="flex items-center justify-center gap-1 text-meta text-ink-3">
            Request <code className="font-mono">{requestId}</code> <CopyButton text={requestId} name="Copy request number" />
          </p>
        )}
      </div>
      <div className="flex gap-2">
        {onRetry && (
          <Button icon={<RotateCw size={16} aria-hidden />} onClick={onRetry}>
            Try again
          </Button>
        )}
        {action}
      </div>
    </div>
  );
}
