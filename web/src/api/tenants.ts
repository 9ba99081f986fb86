import { queryOptions } from '@tanstack/react-query';
import { call } from './client';
import type { TenantPlace } from './types';

/** A value of null removes the variable. Values are never read back. */
export type TenantChange = { name?: string; prefix?: string; place?: TenantPlace; members?: string[]; outbound?: string[]; variables?: Record<string, string | null> };

export const tenantsQuery = queryOptions({ queryKey: ['tenants'], queryFn: ({ signal }) => call('GET', '/tenants', { signal }) });

export const createTenant = (body: { name: string; key?: string; prefix?: string; place?: TenantPlace }, idempotencyKey: string) => call('POST', '/tenants', { body, idempotencyKey });
export const changeTenant = (id: string, change: TenantChange) => call('PATCH', '/tenants/{id}', { path: { id }, body: change });
