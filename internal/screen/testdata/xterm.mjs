// Runs cases through the terminal of the browser, without a browser, and prints what each ends with, one JSON a line.
// node xterm.mjs <the web folder> < cases, where a case is {cols, rows, steps: [{data} | {cols, rows}]}, data in base64.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(`${process.argv[2]}/package.json`);
const { Terminal } = require('@xterm/headless');
const { Unicode11Addon } = require('@xterm/addon-unicode11');

function look(term) {
  const buffer = term.buffer.active;
  const rows = [];
  for (let y = 0; y < term.rows; y++) {
    const line = buffer.getLine(buffer.baseY + y);
    const row = [];
    for (let x = 0; x < term.cols; x++) {
      const c = line.getCell(x);
      const on = [c.isBold(), c.isDim(), c.isItalic(), c.isUnderline(), c.isBlink(), c.isInverse(), c.isInvisible(), c.isStrikethrough(), c.isOverline()];
      const flags = on.reduce((sum, bit, i) => sum | (bit ? 1 << i : 0), 0);
      const fg = c.isFgDefault() ? 0 : c.getFgColorMode() + c.getFgColor();
      const bg = c.isBgDefault() ? 0 : c.getBgColorMode() + c.getBgColor();
      row.push([c.getChars(), c.getWidth(), fg, bg, flags]);
    }
    rows.push(row);
  }
  const m = term.modes;
  return {
    x: buffer.cursorX, y: buffer.cursorY, alternate: buffer.type === 'alternate', rows,
    modes: [m.applicationCursorKeysMode, m.applicationKeypadMode, m.bracketedPasteMode, m.insertMode, m.originMode, m.sendFocusMode, m.wraparoundMode],
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const c = JSON.parse(line);
  const term = new Terminal({ cols: c.cols, rows: c.rows, scrollback: 1000, allowProposedApi: true });
  term.loadAddon(new Unicode11Addon());
  term.unicode.activeVersion = '11';
  for (const step of c.steps) {
    if (step.cols) term.resize(step.cols, step.rows);
    else await new Promise((done) => term.write(Buffer.from(step.data ?? '', 'base64'), done));
  }
  process.stdout.write(`${JSON.stringify(look(term))}\n`);
  term.dispose();
}
