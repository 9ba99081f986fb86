import { describe, expect, it } from 'vitest';
import { ackFrame, inputFrame, readFrame, resizeFrame } from './wire';

const bytes = (...parts: (number | string | number[])[]) => {
  const out = parts.flatMap((p) => (typeof p === 'string' ? [...new TextEncoder().encode(p)] : p));
  return new Uint8Array(out).buffer;
};
const u64 = (n: number) => [0, 0, 0, 0, (n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

describe('frames from the server', () => {
  it('start', () => {
    expect(readFrame(bytes(1, 1, 0b1011, [0, 120], [0, 30], u64(5), u64(900), u64(3)))).toEqual({ type: 'start', mayType: true, controller: true, ended: false, inputKnown: true, cols: 120, rows: 30, from: 5, end: 900, input: 3 });
    expect(() => readFrame(bytes(1, 2, 0, [0, 1], [0, 1], u64(0), u64(0), u64(0)))).toThrow(/older than the server/);
  });
  it('output and screen', () => {
    const frame = readFrame(bytes(2, u64(7), 'hi'));
    expect(frame).toMatchObject({ type: 'output', offset: 7 });
    expect(frame?.type === 'output' && [...frame.data]).toEqual([104, 105]);
    expect(readFrame(bytes(3, u64(7), [0, 80], [0, 24], 'x'))).toMatchObject({ type: 'screen', offset: 7, cols: 80, rows: 24 });
  });
  it('exit with its sentence', () => {
    expect(readFrame(bytes(5, 0b101, [0, 143], [0, 15], u64(70), 'Stopped by Ann.'))).toEqual({ type: 'exit', known: true, timedOut: false, stopped: true, code: 143, signal: 15, end: 70, reason: 'Stopped by Ann.' });
  });
  it('the small ones', () => {
    expect(readFrame(bytes(4, [0, 80], [0, 24]))).toEqual({ type: 'resized', cols: 80, rows: 24 });
    expect(readFrame(bytes(6, u64(4)))).toEqual({ type: 'input-ack', seq: 4 });
    expect(readFrame(bytes(7, 2, 'At 80 %.'))).toEqual({ type: 'notice', code: 2, text: 'At 80 %.' });
    expect(readFrame(bytes(8, '{"viewers":[{"id":"u1","name":"Ann","may_type":true,"controller":true,"you":true},7]}'))).toMatchObject({ type: 'presence', viewers: [{ name: 'Ann' }] });
    expect(readFrame(bytes(9, 'x'))).toEqual({ type: 'pong' });
  });
  it('that are not known yet are skipped, broken ones refused', () => {
    expect(readFrame(bytes(0x2a, 1, 2))).toBeNull();
    for (const b of [bytes(1, 1), bytes(2, 1, 2), bytes(6), bytes(8, '{'), bytes(), bytes(2, [255, 255, 255, 255, 255, 255, 255, 255], 'x')]) expect(() => readFrame(b)).toThrow();
  });
});

it('frames to the server', () => {
  expect([...ackFrame(258)]).toEqual([0x41, 0, 0, 0, 0, 0, 0, 1, 2]);
  expect([...inputFrame(1, new Uint8Array([65]))]).toEqual([0x42, 0, 0, 0, 0, 0, 0, 0, 1, 65]);
  expect([...resizeFrame(300, 24)]).toEqual([0x43, 1, 44, 0, 24]);
});
