import type { Part } from '../api/types';

/** What a running turn has streamed so far. It is not history: the turn's events replace it. */
export type Stream = {
  turn: string;
  /** Of the attempt that these parts are from: a turn whose node was lost before it was sent starts again. */
  fence: number;
  /** The newest part taken in. */
  n: number;
  text: string;
  reasoning: string;
  /** One line on what the agent is doing. */
  status: string;
  /** Of the newest part: what the agent is at just now. */
  last: string;
  /** Parts are missing; the stream must begin anew. */
  gap: boolean;
  /** The lengths after each piece that came, so that a piece cut otherwise can take the place of several. */
  cuts: readonly Cut[];
};
type Cut = { n: number; text: number; reasoning: number };

export const newStream = (turn: string, fence = 0): Stream => ({ turn, fence, n: 0, text: '', reasoning: '', status: '', last: '', gap: false, cuts: [] });

/** Adds a piece that covers the parts `from` to `n`. One that was seen already is skipped by its number. */
export function addPart(now: Stream, part: Part): Stream {
  const fence = typeof part['fence'] === 'number' ? part['fence'] : 0;
  if (fence < now.fence) return now;
  const s = fence > now.fence ? newStream(now.turn, fence) : now;
  const from = typeof part['from'] === 'number' ? part['from'] : part.n;
  if (part.n <= s.n) return s;
  const base = from === s.n + 1 ? s : cutBefore(s, from);
  if (!base) return s.gap ? s : { ...s, gap: true };
  const text = part.text ?? '';
  const next = { ...base, n: part.n, last: part.kind, gap: false };
  if (part.kind === 'text') next.text += text;
  else if (part.kind === 'reasoning') next.reasoning += text;
  else if (part.kind === 'status') next.status = text;
  else if (part.kind === 'reset') {
    next.text = '';
    next.reasoning = '';
    next.status = '';
  }
  return { ...next, cuts: [...base.cuts, { n: next.n, text: next.text.length, reasoning: next.reasoning.length }] };
}

/** The stream as it was before part `from`, where a piece began there; null where it cannot be told. */
function cutBefore(s: Stream, from: number): Stream | null {
  if (from === 1) return newStream(s.turn, s.fence);
  if (from > s.n) return null;
  for (let i = s.cuts.length - 1; i >= 0; i--) {
    const cut = s.cuts[i];
    if (cut?.n !== from - 1) continue;
    return { ...s, n: cut.n, text: s.text.slice(0, cut.text), reasoning: s.reasoning.slice(0, cut.reasoning), cuts: s.cuts.slice(0, i + 1) };
  }
  return null;
}

/** The line of reasoning being written now; "" while the agent does something else. */
export function liveThought(s: Stream): string {
  if (s.last !== 'reasoning') return '';
  const lines = s.reasoning.trimEnd().split('\n');
  return lines.at(-1)?.trim() ?? '';
}
