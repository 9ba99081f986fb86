import { queryOptions } from '@tanstack/react-query';
import { request } from './http';
import type { Me } from './types';

/** Who is signed in, what they may use. Everything behind sign-in waits for it once. */
export const meQuery = queryOptions({ queryKey: ['me'], queryFn: ({ signal }) => request<Me>('GET', '/me', { signal }), staleTime: 60_000 });

export const redeemLink = (token: string) => request<void>('POST', '/sign-in', { body: { token } });
export const signInWithPassword = (body: { email: string; password: string }) => request<void>('POST', '/sign-in/password', { body });
export const acceptInvitation = (body: { token: string; name: string; password: string }) => request<void>('POST', '/invitations/accept', { body });
export const signOut = () => request<void>('POST', '/sign-out');
