import { expect, it } from 'vitest';
import { pinAfter } from './follow';

it('leaves the end only when the reader turns back, and only where something is above', () => {
  expect(pinAfter('following', { kind: 'back', above: true })).toBe('reading');
  expect(pinAfter('following', { kind: 'back', above: false })).toBe('following');
  expect(pinAfter('following', { kind: 'hold' })).toBe('reading');
});

it('comes back by reaching the end downward or by a jump', () => {
  expect(pinAfter('reading', { kind: 'end' })).toBe('following');
  expect(pinAfter('reading', { kind: 'jump' })).toBe('following');
  expect(pinAfter('reading', { kind: 'back', above: true })).toBe('reading');
});
