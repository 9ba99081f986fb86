import { useParams } from '@tanstack/react-router';
import { PageTitle } from '../app/PageTitle';

export function TicketPage() {
  const { key } = useParams({ from: '/app/tickets/$key' });
  return <PageTitle>{key}</PageTitle>;
}
