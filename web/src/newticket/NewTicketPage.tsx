import { PageTitle } from '../app/PageTitle';

export function NewTicketPage() {
  return <PageTitle>NewTicketPage</PageTitle>;
}
