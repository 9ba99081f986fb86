import { queryOptions } from '@tanstack/react-query';
import { request } from './http';
import type { Agent, Instance, Page } from './types';

export const agentsQuery = queryOptions({ queryKey: ['agents'], queryFn: ({ signal }) => request<Page<Agent>>('GET', '/agents', { signal }), staleTime: 60_000 });

/** The instances that a tenant may use; with no tenant, all that the reader may see. */
export const instancesQuery = (tenant?: string) =>
  queryOptions({ queryKey: ['instances', tenant ?? ''], queryFn: ({ signal }) => request<Page<Instance>>('GET', '/instances', { query: { tenant }, signal }), staleTime: 60_000 });
