/**
 * The token of a link like /sign-in#…. It stands in the fragment, so that neither a server's log nor a preview of
 * the link ever sees it, and is used by a press of a button only. #token=… is read as well.
 */
export function fragmentToken(hash: string): string | null {
  const text = hash.replace(/^#/, '');
  return (text.startsWith('token=') ? text.slice('token='.length) : text) || null;
}
