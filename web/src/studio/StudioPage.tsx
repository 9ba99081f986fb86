import { PageTitle } from '../app/PageTitle';

export function StudioPage() {
  return <PageTitle>StudioPage</PageTitle>;
}
