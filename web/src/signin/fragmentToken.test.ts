import { expect, test } from 'vitest';
import { fragmentToken } from './fragmentToken';

test.each([
  ['#abc-_1', 'abc-_1'],
  ['#token=abc-_1', 'abc-_1'],
  ['#', null],
  ['', null],
])('%j holds %j', (hash, token) => {
  expect(fragmentToken(hash)).toBe(token);
});
