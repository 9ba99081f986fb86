/** One message of a text/event-stream. `id` is the last one named so far in the stream. */
export type SseMessage = { event: string; data: string; id: string };

/**
 * Reads text/event-stream (WHATWG HTML 9.2.6) from pieces cut anywhere: inside a line, between CR and LF. Feed
 * decoded text; complete messages come back at once, an unfinished one waits for the rest and is dropped at the end
 * of the stream, as the standard says.
 */
export class SseParser {
  #rest = '';
  #afterCr = false;
  #event = '';
  #data: string[] = [];
  #id = '';

  push(text: string): SseMessage[] {
    const out: SseMessage[] = [];
    if (text === '') return out;
    const whole = this.#afterCr && text.startsWith('\n') ? text.slice(1) : text;
    this.#afterCr = text.endsWith('\r');
    const lines = (this.#rest + whole).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line, out);
    return out;
  }

  #line(line: string, out: SseMessage[]) {
    if (line === '') {
      if (this.#data.length > 0) out.push({ event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id });
      this.#event = '';
      this.#data = [];
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
  }
}
