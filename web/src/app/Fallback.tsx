import { type ErrorComponentProps, Link, useRouter } from '@tanstack/react-router';
import { Problem, sentence } from '../api/problem';
import { buttonClass } from '../ui/Button';
import { Loading, Skeleton } from '../ui/Skeleton';
import { EmptyState, ErrorState } from '../ui/States';
import { PageTitle } from './PageTitle';

/** A page that failed. Usually a new version was installed and this page's parts are gone: loading it again helps. */
export function PageFailed({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const stale = error instanceof Error && !(error instanceof Problem) && /import|module|fetch/i.test(error.message);
  const retry = () => {
    if (stale) window.location.reload();
    reset();
    void router.invalidate();
  };
  return (
    <div className="flex h-full flex-col items-center justify-center">
      <PageTitle title="Not loaded" className="sr-only">
        This page was not loaded
      </PageTitle>
      <ErrorState
        title={stale ? 'This page was not loaded. A new version may have been installed.' : 'This page was not loaded.'}
        detail={stale ? 'What you typed is kept in this browser.' : sentence(error)}
        requestId={error instanceof Problem ? error.requestId : undefined}
        onRetry={retry}
      />
    </div>
  );
}

export function NotFound() {
  return (
    <div className="flex h-full flex-col items-center justify-center">
      <PageTitle>There is no page here</PageTitle>
      <EmptyState
        action={
          <Link to="/history" className={buttonClass()}>
            Go to History
          </Link>
        }
      >
        The address may be mistyped, or what it named was deleted, or it is not yours to see.
      </EmptyState>
    </div>
  );
}

export function PagePending() {
  return (
    <Loading label="the page">
      <div className="flex flex-col gap-4 px-8 py-9">
        <Skeleton className="h-5 w-60" />
        <Skeleton className="w-96 max-w-full" />
        <Skeleton className="w-80 max-w-full" />
      </div>
    </Loading>
  );
}

/** The same outside the shell, where no main stands around them yet. */
export function RootFailed(props: ErrorComponentProps) {
  return (
    <main className="h-dvh">
      <PageFailed {...props} />
    </main>
  );
}

export function RootNotFound() {
  return (
    <main className="h-dvh">
      <NotFound />
    </main>
  );
}
