import { expect, test } from 'vitest';
import { prefixFrom, prefixPattern } from './places';

test.each([
  ['Blue', 'BLUE'],
  ['payments', 'PAYM'],
  ['Team Green West', 'TGW'],
  ['42 answers', 'A'],
  ['', ''],
  ['ümlaut', 'MLAU'],
])('%j suggests %j', (name, prefix) => {
  expect(prefixFrom(name)).toBe(prefix);
  if (prefix) expect(prefix).toMatch(prefixPattern);
});
