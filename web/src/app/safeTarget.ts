/** Where to go after signing in: a path of this page or, for anything else, nowhere. A link must not lead away. */
export function safeTarget(to: string): string | undefined {
  if (!to.startsWith('/')) return undefined;
  const base = 'https://helpdesk.invalid';
  const url = URL.parse(to, base);
  if (!url || url.origin !== base || url.pathname.startsWith('//') || ['/sign-in', '/invite'].includes(url.pathname)) return undefined;
  return url.pathname + url.search + url.hash;
}
