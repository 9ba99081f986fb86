import { describe, expect, it } from 'vitest';
import type { Part } from '../api/types';
import { addPart, liveThought, newStream } from './stream';

const part = (from: number, n: number, text: string, kind = 'text'): Part => ({ ticket: 'HD-1', turn: 't', from, n, kind, text });
const play = (...parts: Part[]) => parts.reduce(addPart, newStream('t'));

describe('parts', () => {
  it('add up in their order, by kind', () => {
    expect(play(part(1, 1, 'hm', 'reasoning'), part(2, 2, 'Look', 'status'), part(3, 4, 'Hel'), part(5, 5, 'lo'))).toMatchObject({ reasoning: 'hm', status: 'Look', text: 'Hello', n: 5 });
  });
  it('seen already are skipped', () => {
    const s = play(part(1, 3, 'abc'));
    expect(addPart(s, part(1, 3, 'abc'))).toBe(s);
    expect(addPart(s, part(2, 2, 'b'))).toBe(s);
  });
  it('cut otherwise after a reconnect take the place of those they cover', () => {
    expect(play(part(1, 1, 'a'), part(2, 2, 'b'), part(3, 3, 'c'), part(1, 5, 'abcde')).text).toBe('abcde');
    expect(play(part(1, 2, 'ab'), part(3, 3, 'c'), part(4, 4, 'd'), part(3, 6, 'cdef')).text).toBe('abcdef');
  });
  it('that leave a hole are not shown, and say so until the hole is closed', () => {
    const s = play(part(1, 1, 'a'), part(4, 4, 'd'));
    expect(s).toMatchObject({ text: 'a', gap: true });
    expect(addPart(s, part(2, 4, 'bcd'))).toMatchObject({ text: 'abcd', gap: false });
    expect(addPart(play(part(1, 4, 'abcd')), part(3, 6, 'cdef'))).toMatchObject({ text: 'abcd', gap: true });
  });
  it('begin again at a reset', () => {
    expect(play(part(1, 1, 'wrong'), part(2, 2, '', 'reset'), part(3, 3, 'right')).text).toBe('right');
  });
  it('of a newer attempt take the place of all that came before', () => {
    const again = { ...part(1, 1, 'new'), fence: 2 };
    expect(addPart(play(part(1, 5, 'old')), again)).toMatchObject({ text: 'new', n: 1, fence: 2 });
    expect(addPart(play(again), part(2, 2, 'late')).text).toBe('new');
  });
  it('of reasoning show their newest line, and only until something else comes', () => {
    const thinking = play(part(1, 1, 'First.\nThen the dis', 'reasoning'), part(2, 2, 'ks.\n', 'reasoning'));
    expect(liveThought(thinking)).toBe('Then the disks.');
    expect(liveThought(addPart(thinking, part(3, 3, 'So')))).toBe('');
  });
});
