import { PageTitle } from '../app/PageTitle';

export function PeoplePage() {
  return <PageTitle>PeoplePage</PageTitle>;
}
