import { type ReactNode, useEffect, useState } from 'react';
import { cx } from './cx';

/** A grey line of text to come. */
export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden className={cx('block h-3 rounded-chip bg-line', className)} />;
}

/**
 * Wraps a skeleton of the true height: nothing for 150 ms (most answers are there by then), then the
 * skeleton, and after 5 s a word that work goes on.
 */
export function Loading({ label, children }: { label: string; children: ReactNode }) {
  const [stage, setStage] = useState<'quiet' | 'shown' | 'long'>('quiet');
  useEffect(() => {
    const shown = window.setTimeout(() => setStage('shown'), 150);
    const long = window.setTimeout(() => setStage('long'), 5000);
    return () => {
      window.clearTimeout(shown);
      window.clearTimeout(long);
    };
  }, []);
  return (
    <div aria-busy="true" className={stage === 'quiet' ? 'invisible' : ''}>
      {children}
      <p role="status" className={stage === 'long' ? 'px-4 py-2 text-meta text-ink-3' : 'sr-only'}>
        {stage === 'quiet' ? '' : stage === 'long' ? `Still loading ${label}…` : `Loading ${label}…`}
      </p>
    </div>
  );
}
