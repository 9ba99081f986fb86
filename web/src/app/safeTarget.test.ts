import { expect, test } from 'vitest';
import { safeTarget } from './safeTarget';

test.each([
  ['/history?q=tls', '/history?q=tls'],
  ['/tickets/HD-1#e7', '/tickets/HD-1#e7'],
  ['//evil.example/x', undefined],
  ['/\\evil.example', undefined],
  ['/\t/evil.example', undefined],
  ['https://evil.example', undefined],
  ['javascript:alert(1)', undefined],
  ['/a/..//evil.example', undefined],
  ['/sign-in?to=/x', undefined],
  ['', undefined],
])('after signing in, %j leads to %j', (to, target) => {
  expect(safeTarget(to)).toBe(target);
});
