import { PageTitle } from '../app/PageTitle';

export function HistoryPage() {
  return <PageTitle>HistoryPage</PageTitle>;
}
