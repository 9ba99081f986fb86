/**
 * The token of a link like /sign-in#token=…. It stands in the fragment, so that neither a server's log nor a
 * preview of the link ever sees it, and is used by a press of a button only.
 */
export function fragmentToken(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, '')).get('token') || null;
}
