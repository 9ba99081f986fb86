// The frames between a viewer and a Terminal or Run, as docs/api/terminal.md has them: a type byte and its fields,
// big endian, one frame a message.

export type Viewer = { id: string; name: string; may_type: boolean; controller: boolean; you: boolean };

export type ServerFrame =
  | { type: 'start'; mayType: boolean; controller: boolean; ended: boolean; inputKnown: boolean; cols: number; rows: number; from: number; end: number; input: number }
  | { type: 'output'; offset: number; data: Uint8Array }
  | { type: 'screen'; offset: number; cols: number; rows: number; data: Uint8Array }
  | { type: 'resized'; cols: number; rows: number }
  | { type: 'exit'; known: boolean; timedOut: boolean; stopped: boolean; code: number; signal: number; end: number; reason: string }
  | { type: 'input-ack'; seq: number }
  | { type: 'notice'; code: number; text: string }
  | { type: 'presence'; viewers: Viewer[] }
  | { type: 'pong' };

/** Reads one frame. null for a type that is not known yet: skip it. A frame that cannot be right throws. */
export function readFrame(buffer: ArrayBuffer): ServerFrame | null {
  const view = new DataView(buffer);
  const rest = (at: number) => new Uint8Array(buffer, at);
  const sentence = (at: number) => new TextDecoder().decode(rest(at));
  switch (view.getUint8(0)) {
    case 0x01: {
      if (view.getUint8(1) !== 1) throw new RangeError('This page is older than the server. Load it again.');
      const flags = view.getUint8(2);
      return {
        type: 'start', mayType: (flags & 1) !== 0, controller: (flags & 2) !== 0, ended: (flags & 4) !== 0, inputKnown: (flags & 8) !== 0,
        cols: view.getUint16(3), rows: view.getUint16(5), from: u64(view, 7), end: u64(view, 15), input: u64(view, 23),
      };
    }
    case 0x02:
      return { type: 'output', offset: u64(view, 1), data: rest(9) };
    case 0x03:
      return { type: 'screen', offset: u64(view, 1), cols: view.getUint16(9), rows: view.getUint16(11), data: rest(13) };
    case 0x04:
      return { type: 'resized', cols: view.getUint16(1), rows: view.getUint16(3) };
    case 0x05: {
      const flags = view.getUint8(1);
      return { type: 'exit', known: (flags & 1) !== 0, timedOut: (flags & 2) !== 0, stopped: (flags & 4) !== 0, code: view.getUint16(2), signal: view.getUint16(4), end: u64(view, 6), reason: sentence(14) };
    }
    case 0x06:
      return { type: 'input-ack', seq: u64(view, 1) };
    case 0x07:
      return { type: 'notice', code: view.getUint8(1), text: sentence(2) };
    case 0x08:
      return { type: 'presence', viewers: viewersOf(sentence(1)) };
    case 0x09:
      return { type: 'pong' };
    default:
      return null;
  }
}

function u64(view: DataView, at: number): number {
  const n = view.getBigUint64(at);
  if (n > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('An offset is out of range.');
  return Number(n);
}

function viewersOf(json: string): Viewer[] {
  const value: unknown = JSON.parse(json);
  const list = typeof value === 'object' && value !== null && 'viewers' in value && Array.isArray(value.viewers) ? value.viewers : [];
  return list.filter((v): v is Viewer => typeof v === 'object' && v !== null && 'name' in v && typeof v.name === 'string');
}

/** The first message, which is text. */
export const hello = (token: string, viewer: string, from: number | null, cols: number, rows: number) => JSON.stringify({ token, viewer, from, cols, rows });

export const maxInput = 65_536;

export function ackFrame(offset: number): Uint8Array<ArrayBuffer> {
  const { bytes, view } = frame(0x41, 8);
  view.setBigUint64(1, BigInt(offset));
  return bytes;
}

export function inputFrame(seq: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const { bytes, view } = frame(0x42, 8 + data.length);
  view.setBigUint64(1, BigInt(seq));
  bytes.set(data, 9);
  return bytes;
}

export function resizeFrame(cols: number, rows: number): Uint8Array<ArrayBuffer> {
  const { bytes, view } = frame(0x43, 4);
  view.setUint16(1, cols);
  view.setUint16(3, rows);
  return bytes;
}

export const pingFrame = () => frame(0x44, 0).bytes;
export const takeControlFrame = () => frame(0x45, 0).bytes;

function frame(type: number, length: number) {
  const bytes = new Uint8Array(1 + length);
  bytes[0] = type;
  return { bytes, view: new DataView(bytes.buffer) };
}
