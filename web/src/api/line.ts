import type { SseMessage } from './sse';

/** What a tab wants to be told of. */
export type Wants = {
  /** Tickets, each with the newest event that the tab has. */
  tickets: ReadonlyMap<string, number>;
  /** Which of all tickets within reach changed. */
  list: boolean;
};

export type LineState = {
  /** `lost` from the first failure or silence until events flow again. */
  state: 'connecting' | 'live' | 'lost';
  /** When the next attempt is made, in ms since 1970; null unless waiting. */
  retryAt: number | null;
};

/** What whoever is at the end of a line is told. */
export type Listener = {
  onMessages: (messages: readonly SseMessage[]) => void;
  onState: (state: LineState) => void;
  /** Events flow, and changes of lists may have been missed before. Those of tickets never are: their events are numbered. */
  onFresh: () => void;
  onSignedOut: () => void;
};

/** The way on which events come. Every call of `want` has the parts of running turns told again from the first. */
export type Line = { want: (wants: Wants) => void; reconnectNow: () => void; close: () => void };

/** The server's own limit of tickets in one stream. */
export const mostTickets = 50;

/** A position in several tickets, as the server writes it: "HD-1:7,HD-2:3". */
export function readCursor(id: string): [string, number][] {
  return id.split(',').flatMap((one): [string, number][] => {
    const at = one.lastIndexOf(':');
    const seq = Number(one.slice(at + 1));
    return at > 0 && Number.isInteger(seq) ? [[one.slice(0, at), seq]] : [];
  });
}
