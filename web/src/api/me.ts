import { queryOptions } from '@tanstack/react-query';
import { call } from './client';
import { released } from './release';

/** Asks who is signed in, and notes which release the server is of. */
export async function whoAmI(signal: AbortSignal) {
  const me = await call('GET', '/me', { signal });
  released(me.features.version);
  return me;
}

/** Who is signed in, what they may use. Everything behind sign-in waits for it once. */
export const meQuery = queryOptions({ queryKey: ['me'], queryFn: ({ signal }) => whoAmI(signal), staleTime: 60_000 });

export const redeemLink = (token: string) => call('POST', '/sign-in', { body: { token } });
export const signInWithPassword = (body: { email: string; password: string }) => call('POST', '/sign-in/password', { body });
export const acceptInvitation = (body: { token: string; name?: string; password?: string }) => call('POST', '/invitations/accept', { body });
export const signOut = () => call('POST', '/sign-out');

export const sessionsQuery = queryOptions({ queryKey: ['sessions'], queryFn: ({ signal }) => call('GET', '/sessions', { signal }) });
export const endSession = (id: string) => call('DELETE', '/sessions/{id}', { path: { id } });
