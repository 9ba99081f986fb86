import { fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { KeyReader, useShortcuts } from './shortcuts';
import { writeStored } from './stored';

const press = (key: string, timeStamp = 0, mods: { ctrlKey?: boolean; altKey?: boolean; metaKey?: boolean } = {}) => ({ key, timeStamp, ctrlKey: false, metaKey: false, altKey: false, ...mods });

test('keys have names; g waits a moment for the next', () => {
  const reader = new KeyReader();
  expect(reader.read(press('c'))).toBe('c');
  expect(reader.read(press('?'))).toBe('?');
  expect(reader.read(press('k', 0, { ctrlKey: true }))).toBe('Ctrl+K');
  expect(reader.read(press('k', 0, { metaKey: true }))).toBe('Ctrl+K');
  expect(reader.read(press('Shift'))).toBe('');
  expect(reader.read(press('g', 100))).toBe('g');
  expect(reader.read(press('h', 400))).toBe('g h');
  expect(reader.read(press('g', 1000))).toBe('g');
  expect(reader.read(press('h', 9000))).toBe('h');
});

function Keys({ onKey }: { onKey: (keys: string) => void }) {
  useShortcuts(['c', 'g h', 'Ctrl+K'].map((keys) => ({ keys, run: () => onKey(keys) })));
  return <input aria-label="words" />;
}

afterEach(() => writeStored('shortcuts.off', null));

test('letters are text while one types; Ctrl+K works there too', () => {
  const seen: string[] = [];
  render(<Keys onKey={(k) => seen.push(k)} />);
  fireEvent.keyDown(document.body, { key: 'c' });
  fireEvent.keyDown(screen.getByLabelText('words'), { key: 'c' });
  fireEvent.keyDown(screen.getByLabelText('words'), { key: 'k', ctrlKey: true });
  expect(seen).toEqual(['c', 'Ctrl+K']);
});

test('single letters can be switched off', () => {
  const onKey = vi.fn<(keys: string) => void>();
  render(<Keys onKey={onKey} />);
  writeStored('shortcuts.off', '1');
  fireEvent.keyDown(document.body, { key: 'c' });
  expect(onKey).not.toHaveBeenCalled();
  fireEvent.keyDown(document.body, { key: 'k', ctrlKey: true });
  expect(onKey).toHaveBeenCalledWith('Ctrl+K');
});
