import { PageTitle } from '../app/PageTitle';

export function InvitePage() {
  return <PageTitle>InvitePage</PageTitle>;
}
