// Computes the contrast of every pair of tokens that carries text or a border people must see, in both themes.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { displayable, parse, wcagContrast } from 'culori';

const css = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'index.css'), 'utf8');
const tokens = new Map([...css.matchAll(/--color-([\w-]+): light-dark\((oklch\([^)]*\)), (oklch\([^)]*\))\);/g)].map(([, name, light, dark]) => [name, { light: parse(light), dark: parse(dark) }]));

const surfaces = ['bg', 'surface', 'raised', 'sunken'];
const words = ['ok', 'warn', 'danger', 'info', 'agent', 'accent'];
const pairs = [
  ...['ink', 'ink-2', 'ink-3'].flatMap((ink) => surfaces.map((on) => [ink, on, 4.5])),
  ...words.flatMap((word) => [[word, `${word}-soft`, 4.5], [word, 'surface', 4.5], [word, 'bg', 4.5]]),
  ...words.map((word) => ['ink', `${word}-soft`, 4.5]),
  ['human', 'surface', 4.5],
  ['accent-fg', 'accent', 4.5],
  ['accent-fg', 'accent-hover', 4.5],
  ['bg', 'ink', 4.5],
  ['term-fg', 'term-bg', 4.5],
  ...surfaces.flatMap((on) => [['focus', on, 3]]),
  ['line-strong', 'surface', 3],
  ['line-strong', 'bg', 3],
];

let failures = 0;
for (const theme of ['light', 'dark']) {
  for (const [name, value] of tokens) {
    if (!displayable(value[theme])) {
      failures++;
      console.error(`${theme}: ${name} is outside sRGB`);
    }
  }
  for (const [text, on, least] of pairs) {
    const ratio = wcagContrast(tokens.get(text)[theme], tokens.get(on)[theme]);
    if (ratio >= least) continue;
    failures++;
    console.error(`${theme}: ${text} on ${on} is ${ratio.toFixed(2)}, needs ${least}`);
  }
}
console.log(`${tokens.size} tokens, ${pairs.length * 2} pairs, ${failures} failures`);
process.exit(failures > 0 ? 1 : 0);
