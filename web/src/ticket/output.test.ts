import { expect, it } from 'vitest';
import { plainText, tailLines } from './output';

it.each([
  ['\x1b[31mred\x1b[0m', 'red'],
  ['10%\r50%\r100%\r\ndone\r\n', '100%\ndone\n'],
  ['\x1b]0;title\x07text', 'text'],
  ['\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\', 'click'],
  ['half \x1b[3', 'half '],
  ['a\u202Eb\x07', 'ab'],
])('%j is %j', (raw, want) => expect(plainText(raw)).toBe(want));

it('shows the last lines and says how many are above', () => {
  expect(tailLines('1\n2\n3\n', 2)).toEqual({ shown: '2\n3', hidden: 1 });
  expect(tailLines('1\n2\n', 2)).toEqual({ shown: '1\n2', hidden: 0 });
});
