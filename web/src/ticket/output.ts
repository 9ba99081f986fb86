/* oxlint-disable no-control-regex -- control characters are what this file is about */
// Output of commands as plain text: what a terminal would leave standing, without its colours and movements.

// Escape sequences: CSI, OSC and other strings, two-byte ones. Unfinished ones at the end go too.
const sequences = /\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|$)|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|[ -/]*(?:[0-~]|$))/g;
// What is left of control and of text direction must not move what stands around it.
const loose = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export function plainText(raw: string): string {
  return raw
    .replace(sequences, '')
    .replace(/\r+\n/g, '\n')
    .split('\n')
    // A progress line is written over and over; its last state counts.
    .map((line) => (line.includes('\r') ? (line.split('\r').findLast((part) => part !== '') ?? '') : line))
    .join('\n')
    .replace(loose, '');
}

/** The last lines of a text, and how many were left out. */
export function tailLines(text: string, most: number): { shown: string; hidden: number } {
  const trimmed = text.replace(/\n+$/, '');
  const lines = trimmed.split('\n');
  if (lines.length <= most) return { shown: trimmed, hidden: 0 };
  return { shown: lines.slice(-most).join('\n'), hidden: lines.length - most };
}
