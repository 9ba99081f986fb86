import { PageTitle } from '../app/PageTitle';

export function TokensPage() {
  return <PageTitle>TokensPage</PageTitle>;
}
