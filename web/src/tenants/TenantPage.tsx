import { PageTitle } from '../app/PageTitle';

export function TenantPage() {
  return <PageTitle>TenantPage</PageTitle>;
}
