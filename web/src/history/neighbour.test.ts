import { expect, test } from 'vitest';
import { neighbour } from './neighbour';

const tickets = ['HD-3', 'HD-2', 'HD-1'].map((key) => ({ key }));

test('j and k walk the list and stop at its ends', () => {
  expect(neighbour(tickets, undefined, 1)?.key).toBe('HD-3');
  expect(neighbour(tickets, undefined, -1)?.key).toBe('HD-1');
  expect(neighbour(tickets, 'HD-3', 1)?.key).toBe('HD-2');
  expect(neighbour(tickets, 'HD-1', 1)?.key).toBe('HD-1');
  expect(neighbour(tickets, 'HD-3', -1)?.key).toBe('HD-3');
  expect(neighbour([], undefined, 1)).toBeUndefined();
});
