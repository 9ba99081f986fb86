import type { ReactNode } from 'react';

/** A part of a page under its own heading. */
export function Section({ title, about, children }: { title: string; about?: ReactNode; children: ReactNode }) {
  return (
    <section className="border-t border-line pt-5">
      <h2 className="text-title font-semibold">{title}</h2>
      {about && <p className="mt-1 text-control text-ink-2">{about}</p>}
      <div className="mt-3 flex flex-col gap-3">{children}</div>
    </section>
  );
}
