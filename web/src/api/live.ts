import { useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useSyncExternalStore } from 'react';
import { call } from './client';
import { type Connection, EventStream } from './events';
import type { Line, Listener, Wants } from './line';
import { meQuery, whoAmI } from './me';
import { Problem } from './problem';
import { signedOut } from './signedOut';

/** A test may give its own stream. */
export const EventStreamContext = createContext<EventStream | null>(null);

let current: { user: string; stream: EventStream } | null = null;

/** The page's event stream. It is one person's: what somebody else is told in this browser is on another. */
export function useEventStream(): EventStream {
  const given = useContext(EventStreamContext);
  const user = useQueryClient().getQueryData(meQuery.queryKey)?.user.id ?? '';
  return given ?? streamOf(user);
}

function streamOf(user: string): EventStream {
  // Between signing out and the sign-in page nobody is known; that is no other person.
  if (!current || (user !== '' && current.user !== user)) current = { user, stream: new EventStream({ line: (listener) => new LazyLine(user, listener), onSignedOut: signedOut }) };
  return current.stream;
}

/** How the stream stands, for banners and for buttons that need a connection. */
export function useConnection(): Connection {
  const stream = useEventStream();
  return useSyncExternalStore(stream.subscribe, stream.getConnection);
}

/** The line's code is loaded after what is needed to show the page. */
class LazyLine implements Line {
  #line: Line | null = null;
  #wants: Wants | null = null;
  #closed = false;

  constructor(user: string, listener: Listener) {
    const config = { check: (signal: AbortSignal) => checkPerson(user, signal), maySee };
    void import('./sharedLine').then(({ newLine }) => {
      if (this.#closed) return;
      this.#line = newLine(user, config, listener);
      if (this.#wants) this.#line.want(this.#wants);
    });
  }
  want(wants: Wants) {
    this.#wants = wants;
    this.#line?.want(wants);
  }
  reconnectNow = () => this.#line?.reconnectNow();
  close() {
    this.#closed = true;
    this.#line?.close();
  }
}

/** Somebody else may have signed in, in another tab: this page is not theirs. The server may be of a new release, too. */
async function checkPerson(user: string, signal: AbortSignal) {
  const me = await whoAmI(signal);
  if (me.user.id !== user) {
    window.location.reload();
    throw new Problem(0, 'Somebody else signed in.');
  }
}

async function maySee(ticket: string): Promise<boolean> {
  try {
    await call('GET', '/tickets/{key}', { path: { key: ticket } });
    return true;
  } catch (error) {
    return !(error instanceof Problem && (error.status === 403 || error.status === 404));
  }
}
