import { expect, test } from 'vitest';
import { SseParser } from './sse';

const stream = ': hello\r\nid: 7\r\nevent: event\r\ndata: {"a":1}\r\n\r\nevent: part\ndata: two\ndata: lines\n\ndata:x\rid\r\rid: 9\n\ndata: unfinished\n';
const messages = [
  { event: 'event', data: '{"a":1}', id: '7' },
  { event: 'part', data: 'two\nlines', id: '7' },
  { event: 'message', data: 'x', id: '' },
];

test('a whole stream gives its messages, comments and an unfinished one left out', () => {
  expect(new SseParser().push(stream)).toEqual(messages);
});

test('the pieces may be cut anywhere', () => {
  for (let cut = 0; cut <= stream.length; cut++) {
    const parser = new SseParser();
    expect([...parser.push(stream.slice(0, cut)), ...parser.push(stream.slice(cut))]).toEqual(messages);
  }
  const parser = new SseParser();
  expect([...stream].flatMap((c) => parser.push(c))).toEqual(messages);
});
