import type { ReactNode } from 'react';
import { cx } from '../ui/cx';
import { PageTitle } from './PageTitle';

/** The frame of an ordinary page: title, its actions, and content that scrolls with the page. */
export function Page({ title, windowTitle, description, actions, width = 'medium', children }: { title: string; windowTitle?: string; description?: ReactNode; actions?: ReactNode; width?: 'narrow' | 'medium' | 'full'; children: ReactNode }) {
  return (
    <div className="h-full overflow-y-auto">
      <div className={cx('mx-auto flex min-h-full w-full flex-col gap-5 px-4 py-6 wide:px-8 wide:py-8', { narrow: 'max-w-[46rem]', medium: 'max-w-[60rem]', full: 'max-w-[80rem]' }[width])}>
        <header className="flex flex-wrap items-start gap-x-4 gap-y-2">
          <div className="min-w-0 flex-1">
            <PageTitle title={windowTitle}>{title}</PageTitle>
            {description && <p className="mt-1 max-w-[40rem] text-control text-ink-2">{description}</p>}
          </div>
          {actions}
        </header>
        {children}
      </div>
    </div>
  );
}
