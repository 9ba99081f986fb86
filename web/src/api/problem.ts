/** A request that did not do what it should: what the server said, or that it could not be reached. */
export class Problem extends Error {
  override name = 'Problem';
  constructor(
    /** The HTTP status; 0 where no answer came. */
    readonly status: number,
    /** One sentence that says what is wrong and what to do. */
    message: string,
    readonly requestId?: string,
    /** Faults of single fields, by the field's path in the body ("message", "members.0"). */
    readonly fields: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }

  static unreachable() {
    return new Problem(0, 'The server cannot be reached. Check the connection and try again.');
  }
}

type Body = { title?: unknown; detail?: unknown; errors?: unknown };

/** Reads an RFC 9457 body; anything else gets a sentence of our own, never the raw text. */
export function problemFrom(status: number, body: unknown, requestId: string | null): Problem {
  const { title, detail, errors } = (typeof body === 'object' && body !== null ? body : {}) as Body;
  const text = [detail, title].find((t): t is string => typeof t === 'string' && t !== '');
  return new Problem(status, text ?? `The server answered ${status} without saying why. Try again.`, requestId ?? undefined, fieldsOf(errors));
}

function fieldsOf(errors: unknown): Record<string, string> {
  const fields: Record<string, string> = {};
  if (!Array.isArray(errors)) return fields;
  for (const item of errors) {
    if (typeof item !== 'object' || item === null) continue;
    const { location, message } = item as { location?: unknown; message?: unknown };
    if (typeof location === 'string' && typeof message === 'string') fields[location.replace(/^body\.?/, '')] = message;
  }
  return fields;
}

/** The sentence to show for whatever was thrown. */
export function sentence(error: unknown): string {
  if (error instanceof Problem) return error.message;
  return 'Something in the page failed. Load it again; if it stays, tell whoever runs this HelpDesk.';
}
