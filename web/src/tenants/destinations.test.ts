import { expect, test } from 'vitest';
import { destinationsFrom } from './destinations';

test.each([
  ['', []],
  [' \n ', []],
  ['api.example.com:443', ['api.example.com:443']],
  ['a.example:1\n\n b.example:2,[::1]:3 ', ['a.example:1', 'b.example:2', '[::1]:3']],
])('%j names %j', (text, list) => {
  expect(destinationsFrom(text)).toEqual(list);
});
