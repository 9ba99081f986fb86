import { PageTitle } from '../app/PageTitle';

export function SignInPage() {
  return <PageTitle>SignInPage</PageTitle>;
}
