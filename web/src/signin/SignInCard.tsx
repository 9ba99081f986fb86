import type { FormEvent, ReactNode } from 'react';
import { PageTitle } from '../app/PageTitle';
import { Banner } from '../ui/Banner';
import { SkipLink } from '../ui/SkipLink';

/** The one card of the pages before signing in; the error stands above the button. */
export function SignInCard({ title, intro, error, onSubmit, children, action }: { title: string; intro?: ReactNode; error?: string | null; onSubmit: () => void; children?: ReactNode; action: ReactNode }) {
  return (
    <>
      <SkipLink target="main" />
      <main id="main" tabIndex={-1} className="flex min-h-dvh flex-col items-center justify-center p-4 outline-none">
        <div className="w-full max-w-96">
          <p className="mb-4 flex items-center justify-center gap-2 text-title font-semibold">
            <img src="/favicon.svg" alt="" width="24" height="24" /> AI HelpDesk
          </p>
          <form
            className="flex flex-col gap-4 rounded-card border border-line bg-surface p-6"
            onSubmit={(e: FormEvent) => {
              e.preventDefault();
              onSubmit();
            }}
          >
            <div>
              <PageTitle>{title}</PageTitle>
              {intro && <p className="mt-1 text-control text-ink-2">{intro}</p>}
            </div>
            {children}
            {error && (
              <Banner tone="danger" live>
                {error}
              </Banner>
            )}
            {action}
          </form>
        </div>
      </main>
    </>
  );
}
