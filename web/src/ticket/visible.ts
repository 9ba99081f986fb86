// A command is shown as the bytes it is: what the eye cannot see, or could take for something else, is spelled out.

export type Piece = { text: string } | { escape: string; name: string };

const names: Record<number, string> = {
  0x00: 'null', 0x07: 'bell', 0x08: 'backspace', 0x09: 'tab', 0x0d: 'carriage return', 0x1b: 'escape', 0x7f: 'delete',
  0xa0: 'no-break space', 0xad: 'soft hyphen', 0x61c: 'Arabic letter mark', 0x200b: 'zero width space', 0x200c: 'zero width non-joiner',
  0x200d: 'zero width joiner', 0x200e: 'left-to-right mark', 0x200f: 'right-to-left mark', 0x2028: 'line separator', 0x2029: 'paragraph separator',
  0x202a: 'left-to-right embedding', 0x202b: 'right-to-left embedding', 0x202c: 'end of direction', 0x202d: 'left-to-right override',
  0x202e: 'right-to-left override', 0x2060: 'word joiner', 0x2066: 'left-to-right isolate', 0x2067: 'right-to-left isolate',
  0x2068: 'first strong isolate', 0x2069: 'end of isolate', 0x3000: 'ideographic space', 0xfeff: 'zero width no-break space',
};
const short: Record<number, string> = { 0x00: '\\0', 0x07: '\\a', 0x08: '\\b', 0x09: '\\t', 0x0d: '\\r', 0x1b: '\\e' };

// Control and format characters, every space but the plain one, separators, unassigned and private characters.
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cn}\p{Co}\p{Cs}\p{Variation_Selector}]|(?! )\p{Zs}|[\u115F\u1160\u3164\uFFA0\u2800]/u;
// Letters of other scripts that look Latin, and look-alikes of the shell's own signs.
const other = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Lisu}]/u;
const latin = /\p{Script=Latin}/u;
const lookalike = /[\u2010-\u2015\u2212\u2018-\u201F\u2024\u2044\u2215\u2236\u2039\u203A\u02CB\u037E\uFE52-\uFE6B\uFF01-\uFF5E\u{1D400}-\u{1D7FF}]/u;

/** Cuts one line into what is plain and what must be spelled out. */
export function pieces(line: string): Piece[] {
  const out: Piece[] = [];
  let plain = '';
  const flush = () => {
    if (plain) out.push({ text: plain });
    plain = '';
  };
  for (const token of line.split(/( +)/)) {
    const mixed = latin.test(token) && other.test(token);
    for (const ch of token) {
      const code = ch.codePointAt(0) ?? 0;
      const loud = hidden.test(ch) || lookalike.test(ch) || (mixed && other.test(ch));
      if (!loud) {
        plain += ch;
        continue;
      }
      flush();
      const point = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
      out.push(hidden.test(ch) ? { escape: short[code] ?? point, name: names[code] ? `${names[code]} (${point})` : `hidden character ${point}` } : { escape: `${ch} ${point}`, name: `looks like another character (${point})` });
    }
  }
  flush();
  return out;
}

/** Whether anything in the text must be spelled out, line ends aside. */
export const hasHidden = (text: string) => text.split('\n').some((line) => pieces(line).some((p) => 'escape' in p));
