import { vi } from 'vitest';
import type { OwnLineConfig } from '../ownLine';
import type { TicketEvent } from '../types';

export const fact = (seq: number, ticket = 'HD-1'): TicketEvent => ({ ticket, seq, kind: 'MessagePosted', at: '2026-01-01T00:00:00Z', actor: { kind: 'user', id: 'u', name: 'Ann' }, data: {} });
export const line = (event: string, data: unknown, id?: string) => `event: ${event}\n${id ? `id: ${id}\n` : ''}data: ${JSON.stringify(data)}\n\n`;

export async function settle() {
  for (let i = 0; i < 40; i++) await vi.advanceTimersByTimeAsync(0);
}

type Connection = { url: string; lastId: string | null; write: (text: string) => Promise<void>; end: () => Promise<void>; aborted: () => boolean };

/** A server by hand: each connection can be written to and ended by the test. */
export class Wire {
  connections: Connection[] = [];
  status = 200;
  log = new Map<string, TicketEvent[]>();
  reads: [string, number][] = [];

  fetchAfter = async (ticket: string, after: number) => {
    this.reads.push([ticket, after]);
    return (this.log.get(ticket) ?? []).filter((e) => e.seq > after);
  };

  config(more: OwnLineConfig = {}): OwnLineConfig {
    return { open: async (url, init) => this.#open(url, init), ...more };
  }

  #open(url: string, init: RequestInit): Response {
    const encoder = new TextEncoder();
    let control: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(c) {
        control = c;
      },
    });
    init.signal?.addEventListener('abort', () => {
      try {
        control?.error(new DOMException('aborted', 'AbortError'));
      } catch {
        // ended before
      }
    });
    this.connections.push({
      url,
      lastId: new Headers(init.headers).get('Last-Event-ID'),
      write: async (text) => {
        control?.enqueue(encoder.encode(text));
        await settle();
      },
      end: async () => {
        control?.close();
        await settle();
      },
      aborted: () => init.signal?.aborted ?? false,
    });
    return new Response(this.status === 200 ? body : null, { status: this.status });
  }

  get last() {
    const c = this.connections.at(-1);
    if (!c) throw new Error('nobody connected');
    return c;
  }
  /** The connections that the pages still hold. */
  get open() {
    return this.connections.filter((c) => !c.aborted());
  }
}
