import { useEffect, useRef } from 'react';
import { announce } from '../ui/LiveRegion';
import { runningTurn, waiting } from './canvas';
import { useCanvas } from './context';
import { count } from './words';

/** Tells a screen reader that an answer begins, ended, and what waits. The text itself is read when the reader goes there. */
export function useAnnouncements() {
  const running = useCanvas((c) => runningTurn(c.canvas)?.id ?? '');
  const waits = useCanvas((c) => waiting(c.canvas).length);
  const before = useRef(running);
  useEffect(() => {
    if (before.current === running) return;
    const ended = before.current !== '' && running === '';
    before.current = running;
    if (running) announce('Agent is answering');
    else if (ended) announce(waits > 0 ? `Answer finished. ${waitingWords(waits)}.` : 'Answer finished.');
  }, [running, waits]);
}

export const waitingWords = (n: number) => `${count(n, 'command')} ${n === 1 ? 'waits' : 'wait'} for you`;
