import { describe, expect, it } from 'vitest';
import { hasHidden, pieces } from './visible';

const shown = (s: string) => pieces(s).map((p) => ('escape' in p ? `⟨${p.escape}⟩` : p.text)).join('');

describe('a command on screen', () => {
  it.each([
    ['kubectl get pods -n blue | grep "Crash"', 'kubectl get pods -n blue | grep "Crash"'],
    ['echo a\u202Eb', 'echo a⟨U+202E⟩b'],
    ['rm\u200B -rf', 'rm⟨U+200B⟩ -rf'],
    ['a\tb\rc\x1b[2K', 'a⟨\\t⟩b⟨\\r⟩c⟨\\e⟩[2K'],
    ['echo\u00A0x', 'echo⟨U+00A0⟩x'],
    ['curl ex\u0430mple.com', 'curl ex⟨\u0430 U+0430⟩mple.com'],
    ['ls \u2013la', 'ls ⟨\u2013 U+2013⟩la'],
    ['x\u{E0041}', 'x⟨U+E0041⟩'],
    ['echo приве́т 東京 café', 'echo приве́т 東京 café'],
  ])('%j', (text, want) => expect(shown(text)).toBe(want));

  it('loses nothing: plain pieces and escapes make the text again', () => {
    const text = 'a\u202E\u0430b c';
    const again = pieces(text).map((p) => ('text' in p ? p.text : String.fromCodePoint(parseInt(/U\+(\w+)/.exec(p.name)?.[1] ?? '0', 16)))).join('');
    expect(again).toBe(text);
  });

  it('says whether anything is hidden, line ends aside', () => {
    expect(hasHidden('a\nb')).toBe(false);
    expect(hasHidden('a\r\nb')).toBe(true);
  });
});
