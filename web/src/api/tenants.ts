import { queryOptions } from '@tanstack/react-query';
import { path, request } from './http';
import type { Page, Tenant, TenantPlace } from './types';

/** A value of null removes the variable. Values are never read back. */
export type TenantChange = { name?: string; prefix?: string; place?: TenantPlace; members?: string[]; variables?: Record<string, string | null> };

export const tenantsQuery = queryOptions({ queryKey: ['tenants'], queryFn: ({ signal }) => request<Page<Tenant>>('GET', '/tenants', { signal }) });

export const createTenant = (body: { name: string; prefix: string; place: TenantPlace }, idempotencyKey: string) => request<Tenant>('POST', '/tenants', { body, idempotencyKey });
export const changeTenant = (id: string, change: TenantChange) => request<Tenant>('PATCH', path`/tenants/${id}`, { body: change });
