import { useMutation, useQueryClient } from '@tanstack/react-query';
import { changeTenant, type TenantChange } from '../api/tenants';
import type { Tenant } from '../api/types';
import { announce } from '../ui/LiveRegion';

/** Saves a change of the tenant and shows it everywhere. */
export function useChangeTenant(tenant: Tenant, said: string, onSaved?: () => void) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (change: TenantChange) => changeTenant(tenant.id, change),
    onSuccess: async () => {
      await Promise.all(['tenants', 'me', 'people'].map((name) => queryClient.invalidateQueries({ queryKey: [name] })));
      announce(said);
      onSaved?.();
    },
  });
}
