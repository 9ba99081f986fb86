import { Fragment, memo } from 'react';
import { cx } from '../ui/cx';
import { hasHidden, pieces } from './visible';

/**
 * A command, exactly: never shortened; it wraps at spaces only, with what continues a line set in. What cannot be
 * seen is spelled out.
 */
export const CommandText = memo(function CommandText({ text, label, className }: { text: string; label: string; className?: string }) {
  return (
    <div tabIndex={0} role="group" aria-label={label} className={cx('focus-inset max-h-96 overflow-auto font-mono text-control leading-[1.45] whitespace-pre-wrap text-ink', className)}>
      <code className="block font-mono" dir="ltr">
        {text.split('\n').map((line, i) => (
          // oxlint-disable-next-line react/no-array-index-key -- lines have no identity but their place
          <span key={i} className="block min-h-[1.45em] pl-[2ch] -indent-[2ch]">
            <Line line={line} />
          </span>
        ))}
      </code>
      {hasHidden(text) && <p className="mt-2 font-sans text-meta font-medium text-danger">Holds characters that cannot be seen or look like others. They are marked.</p>}
    </div>
  );
});

function Line({ line }: { line: string }) {
  const parts = pieces(line);
  return parts.map((p, i) =>
    'escape' in p ? (
      // oxlint-disable-next-line react/no-array-index-key
      <span key={i} title={p.name} className="mx-px rounded-chip border border-danger bg-danger-soft px-0.5 text-meta whitespace-nowrap text-danger">
        {p.escape}
        <span className="sr-only"> {p.name}</span>
      </span>
    ) : (
      // oxlint-disable-next-line react/no-array-index-key
      <Fragment key={i}>{words(p.text)}</Fragment>
    ),
  );
}

// A browser may break a line after "-" or "/" as well; a word that must not be cut says so.
function words(text: string) {
  return text.split(/( +)/).map((word, i) =>
    word === '' || word[0] === ' ' ? (
      word
    ) : (
      // oxlint-disable-next-line react/no-array-index-key
      <span key={i} className="whitespace-nowrap">
        {word}
      </span>
    ),
  );
}
