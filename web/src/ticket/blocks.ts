import { lexer } from 'marked';
import remend from 'remend';

/** A stretch of Markdown that stands for itself. `open` while more of it may come. */
export type Block = { source: string; open: boolean };

/**
 * Cuts Markdown into blocks, so that while a text grows only its last block is drawn again. In a growing text the
 * last block's open marks are closed as they will likely end.
 */
export function blocksOf(markdown: string, growing: boolean): Block[] {
  const sources = lexer(markdown, { gfm: true }).flatMap((token) => (token.type === 'space' ? [] : [token.raw]));
  return sources.map((source, i) => {
    const open = growing && i === sources.length - 1;
    return { source: open ? remend(source) : source, open };
  });
}

/** The address of a link if it may be followed from here: the web and mail, nothing that runs. */
export function safeHref(href: string | undefined): URL | null {
  if (!href) return null;
  try {
    const url = new URL(href);
    return url.protocol === 'https:' || url.protocol === 'http:' || url.protocol === 'mailto:' ? url : null;
  } catch {
    return null;
  }
}

/** Where a link leads, to be read by people: the host in its true letters (punycode for others), or the mail address. */
export function whereTo(url: URL): string {
  if (url.protocol === 'mailto:') return decodeURIComponent(url.pathname);
  return url.host;
}

/** Whether a link's text already says where it leads. */
export function saysWhere(text: string, url: URL): boolean {
  const clean = text.trim().replace(/^https?:\/\//i, '').replace(/\/$/, '');
  return clean === whereTo(url) || text.trim() === url.href || `${text.trim()}/` === url.href;
}
