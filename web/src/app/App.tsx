import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { newQueryClient } from '../api/queryClient';
import { meQuery } from '../api/me';
import { onSessionChanged, onSignedOut } from '../api/signedOut';
import { newRouter } from './router';

const queryClient = newQueryClient();
const router = newRouter(queryClient);

// The session ended somewhere: sign in again and come back to where one was.
onSignedOut(() => {
  const { pathname, href } = router.state.location;
  if (pathname === '/sign-in' || pathname === '/invite') return;
  queryClient.clear();
  void router.navigate({ to: '/sign-in', search: { to: href } });
});

// What this page shows is of one person. Where the session is over, asking says so; where it is another's, begin anew.
onSessionChanged(() => {
  const before = queryClient.getQueryData(meQuery.queryKey)?.user.id;
  if (!before) return;
  void queryClient
    .fetchQuery({ ...meQuery, staleTime: 0 })
    .then((me) => me.user.id !== before && window.location.reload())
    .catch(() => {}); // the cache has told of it
});

export function App() {
  return (
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  );
}
