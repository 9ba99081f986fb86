import { queryOptions } from '@tanstack/react-query';
import { call } from './client';

export const agentsQuery = queryOptions({ queryKey: ['agents'], queryFn: ({ signal }) => call('GET', '/agents', { signal }), staleTime: 60_000 });

/** The instances that a tenant may use; with no tenant, all that the reader may see. */
export const instancesQuery = (tenant?: string) =>
  queryOptions({ queryKey: ['instances', tenant ?? ''], queryFn: ({ signal }) => call('GET', '/instances', { query: { tenant }, signal }), staleTime: 60_000 });
