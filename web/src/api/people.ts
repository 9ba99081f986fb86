import { queryOptions } from '@tanstack/react-query';
import { path, request } from './http';
import type { Invitation, NewToken, Page, Person, Token } from './types';

export const peopleQuery = queryOptions({ queryKey: ['people'], queryFn: ({ signal }) => request<Page<Person>>('GET', '/users', { signal }) });
export const invite = (body: { email: string; admin: boolean; tenants: string[] }, idempotencyKey: string) => request<Invitation>('POST', '/users', { body, idempotencyKey });
export const removePerson = (id: string) => request<void>('DELETE', path`/users/${id}`);

export const tokensQuery = queryOptions({ queryKey: ['tokens'], queryFn: ({ signal }) => request<Page<Token>>('GET', '/tokens', { signal }) });
export const createToken = (body: { name: string }, idempotencyKey: string) => request<NewToken>('POST', '/tokens', { body, idempotencyKey });
export const revokeToken = (id: string) => request<void>('DELETE', path`/tokens/${id}`);
