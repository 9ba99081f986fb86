import { createContext, useContext, useSyncExternalStore } from 'react';
import { type Connection, EventStream } from './events';
import { signedOut } from './signedOut';

/** The page's event stream; a test may give its own. */
export const EventStreamContext = createContext(new EventStream({ onSignedOut: signedOut }));

export function useEventStream(): EventStream {
  return useContext(EventStreamContext);
}

/** How the stream stands, for banners and for buttons that need a connection. */
export function useConnection(): Connection {
  const stream = useEventStream();
  return useSyncExternalStore(stream.subscribe, stream.getConnection);
}
