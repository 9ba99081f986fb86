import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { Problem } from './problem';

/** The page's one cache of server data. `onSignedOut` is called when any request finds that the session is over. */
export function newQueryClient(onSignedOut: () => void) {
  const onError = (error: unknown) => {
    if (error instanceof Problem && error.status === 401) onSignedOut();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError: (error, query) => query.meta?.['publicPage'] !== true && onError(error) }),
    mutationCache: new MutationCache({ onError: (error, _v, _c, mutation) => mutation.meta?.['publicPage'] !== true && onError(error) }),
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        // What the server refused stays refused; only a lost connection or its own fault is worth another try.
        retry: (count, error) => count < 2 && (!(error instanceof Problem) || error.status === 0 || error.status >= 500),
      },
      mutations: { retry: false },
    },
  });
}
