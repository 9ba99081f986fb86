import { queryOptions } from '@tanstack/react-query';
import { call } from './client';

export const peopleQuery = queryOptions({ queryKey: ['people'], queryFn: ({ signal }) => call('GET', '/users', { signal }) });
export const invite = (body: { email: string; name?: string; admin: boolean; tenants: string[] }, idempotencyKey: string) => call('POST', '/users', { body, idempotencyKey });
export const changePerson = (id: string, change: { name?: string; admin?: boolean; disabled?: boolean }) => call('PATCH', '/users/{id}', { path: { id }, body: change });
/** A fresh invitation for who never came in, else a link to sign in. */
export const newLink = (id: string) => call('POST', '/users/{id}/link', { path: { id } });

export const tokensQuery = queryOptions({ queryKey: ['tokens'], queryFn: ({ signal }) => call('GET', '/tokens', { signal }) });
export const createToken = (body: { name: string }, idempotencyKey: string) => call('POST', '/tokens', { body, idempotencyKey });
export const revokeToken = (id: string) => call('DELETE', '/tokens/{id}', { path: { id } });
