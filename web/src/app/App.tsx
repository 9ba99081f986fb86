import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { EventStream } from '../api/events';
import { EventStreamContext } from '../api/live';
import { newQueryClient } from '../api/queryClient';
import { newRouter } from './router';

const queryClient = newQueryClient(onSignedOut);
const stream = new EventStream({ onSignedOut });
const router = newRouter(queryClient);

/** The session ended somewhere: sign in again and come back to where one was. */
function onSignedOut() {
  const { pathname, href } = router.state.location;
  if (pathname === '/sign-in' || pathname === '/invite') return;
  queryClient.clear();
  void router.navigate({ to: '/sign-in', search: { to: href } });
}

export function App() {
  return (
    <QueryClientProvider client={queryClient}>
      <EventStreamContext value={stream}>
        <RouterProvider router={router} />
      </EventStreamContext>
    </QueryClientProvider>
  );
}
