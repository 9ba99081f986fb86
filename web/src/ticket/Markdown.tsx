import { ExternalLink } from 'lucide-react';
import { type ComponentPropsWithoutRef, isValidElement, memo, type ReactNode, useMemo } from 'react';
import ReactMarkdown, { type Components } from 'react-markdown';
import rehypeSanitize, { defaultSchema } from 'rehype-sanitize';
import remarkGfm from 'remark-gfm';
import { CopyButton } from '../ui/CopyButton';
import { blocksOf, safeHref, saysWhere, whereTo } from './blocks';

/** An agent's text. Nothing in it can run, load from elsewhere, or lead where its words do not say. */
export const Markdown = memo(function Markdown({ text, growing = false }: { text: string; growing?: boolean }) {
  const blocks = useMemo(() => blocksOf(text, growing), [text, growing]);
  return (
    <div className="md flex max-w-answer min-w-0 flex-col gap-3 wrap-anywhere">
      {blocks.map((b, i) => (
        // oxlint-disable-next-line react/no-array-index-key -- a text only grows at its end
        <BlockView key={i} source={b.source} />
      ))}
    </div>
  );
});

const schema = { ...defaultSchema, tagNames: defaultSchema.tagNames?.filter((t) => !['img', 'picture', 'source', 'details', 'summary'].includes(t)), clobberPrefix: 'md-' };

const BlockView = memo(function BlockView({ source }: { source: string }) {
  return (
    <ReactMarkdown remarkPlugins={[remarkGfm]} rehypePlugins={[[rehypeSanitize, schema]]} components={components} urlTransform={(url) => safeHref(url)?.href ?? ''}>
      {source}
    </ReactMarkdown>
  );
});

// A message's author is its h2, so the headings within begin at h3.
const components: Components = {
  h1: (p) => <h3 className="text-title font-semibold">{p.children}</h3>,
  h2: (p) => <h3 className="text-body font-semibold">{p.children}</h3>,
  h3: (p) => <h4 className="font-semibold">{p.children}</h4>,
  h4: (p) => <h5 className="font-semibold">{p.children}</h5>,
  h5: (p) => <h6 className="font-semibold">{p.children}</h6>,
  h6: (p) => <p className="font-semibold">{p.children}</p>,
  ul: (p) => <ul className="flex list-disc flex-col gap-1 pl-5">{p.children}</ul>,
  ol: (p) => (
    <ol start={p.start} className="flex list-decimal flex-col gap-1 pl-6">
      {p.children}
    </ol>
  ),
  blockquote: (p) => <blockquote className="flex flex-col gap-2 border-l-2 border-line pl-3 text-ink-2">{p.children}</blockquote>,
  hr: () => <hr className="border-line" />,
  code: (p) => <code className="rounded-chip bg-raised px-1 py-px font-mono text-[0.93em]">{p.children}</code>,
  pre: (p) => <CodeBlock>{p.children}</CodeBlock>,
  table: (p) => (
    <div tabIndex={0} role="group" aria-label="Table" className="focus-inset overflow-x-auto">
      <table className="num border-collapse text-control">{p.children}</table>
    </div>
  ),
  th: (p) => <th style={{ textAlign: p.style?.textAlign ?? 'left' }} className="border-b border-line-strong px-2 py-1 font-medium">{p.children}</th>,
  td: (p) => <td style={{ textAlign: p.style?.textAlign }} className="border-b border-line px-2 py-1 align-top">{p.children}</td>,
  input: (p) => <input type="checkbox" checked={p.checked} readOnly aria-label={p.checked ? 'Done' : 'Not done'} className="mr-1.5 accent-accent" />,
  // A picture would be fetched from a stranger's server; its address is shown instead.
  img: (p) => <>{p.alt}</>,
  a: (p) => <SafeLink href={p.href}>{p.children}</SafeLink>,
};

function SafeLink({ href, children }: ComponentPropsWithoutRef<'a'>) {
  const url = safeHref(href);
  if (!url) return <span>{children}</span>;
  return (
    <a href={url.href} target="_blank" rel="noopener noreferrer nofollow" className="text-accent underline decoration-accent/40 underline-offset-2 hover:decoration-accent">
      {children}
      {!saysWhere(textOf(children), url) && <span className="text-ink-3"> ({whereTo(url)})</span>}
      <ExternalLink size={12} aria-hidden className="ml-0.5 inline align-[-1px]" />
      <span className="sr-only"> (opens a new tab)</span>
    </a>
  );
}

function CodeBlock({ children }: { children?: ReactNode }) {
  const code = isValidElement<{ children?: ReactNode; className?: string }>(children) ? children.props : { children, className: '' };
  const text = textOf(code.children).replace(/\n$/, '');
  const language = /language-([\w+-]+)/.exec(code.className ?? '')?.[1];
  return (
    <div className="relative rounded-control border border-line bg-bg">
      <div className="flex h-8 items-center justify-between border-b border-line pr-1 pl-3 text-meta text-ink-3">
        <span>{language ?? 'text'}</span>
        <CopyButton text={text} name="Copy code" />
      </div>
      <pre tabIndex={0} aria-label={language ? `${language} code` : 'Code'} className="focus-inset overflow-x-auto px-3 py-2 font-mono text-control leading-[1.45] wrap-normal">
        <code className="font-mono">{text}</code>
      </pre>
    </div>
  );
}

function textOf(node: ReactNode): string {
  if (typeof node === 'string' || typeof node === 'number') return String(node);
  if (Array.isArray(node)) return node.map(textOf).join('');
  if (isValidElement<{ children?: ReactNode }>(node)) return textOf(node.props.children);
  return '';
}
