import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { newQueryClient } from '../api/queryClient';
import { onSignedOut } from '../api/signedOut';
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

export function App() {
  return (
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  );
}
