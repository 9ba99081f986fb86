import { PageTitle } from '../app/PageTitle';

export function TenantsPage() {
  return <PageTitle>TenantsPage</PageTitle>;
}
