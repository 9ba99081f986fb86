import { ExternalLink, Link2Off } from 'lucide-react';
import { safeHref, whereTo } from './blocks';
import { plainText } from './output';

/** An address that the agent offers. The host shown is where it truly leads. */
export function LinkCard({ url, description }: { url: string; description: string }) {
  const to = safeHref(url);
  if (!to) {
    return (
      <p className="flex max-w-answer items-center gap-2 text-control text-ink-3">
        <Link2Off size={16} aria-hidden className="shrink-0" />
        <span className="wrap-anywhere">A link was left out, because it is not a web address: {plainText(url).slice(0, 200)}</span>
      </p>
    );
  }
  return (
    <a href={to.href} target="_blank" rel="noopener noreferrer nofollow" className="group/link flex max-w-answer items-center gap-3 rounded-card border border-line bg-surface px-3 py-2 hover:border-line-strong hover:bg-raised">
      <ExternalLink size={16} aria-hidden className="shrink-0 text-ink-3" />
      <span className="min-w-0 flex-1">
        <span className="block font-medium text-accent wrap-anywhere group-hover/link:underline">{plainText(description) || whereTo(to)}</span>
        <span className="block truncate font-mono text-meta text-ink-2">
          <strong className="font-medium text-ink">{whereTo(to)}</strong>
          {to.pathname !== '/' && to.protocol !== 'mailto:' ? to.pathname : ''}
        </span>
      </span>
      <span className="sr-only">(opens a new tab)</span>
    </a>
  );
}
