import { useState } from 'react';
import { Button } from '../ui/Button';
import { cx } from '../ui/cx';
import type { Attachment } from './Attachment';

const keys: readonly { label: string; name?: string; send: string }[] = [
  { label: 'Esc', send: '\x1b' },
  { label: 'Tab', send: '\t' },
  { label: 'Ctrl C', send: '\x03' },
  { label: 'Ctrl D', send: '\x04' },
  { label: '↑', name: 'Up', send: '\x1b[A' },
  { label: '↓', name: 'Down', send: '\x1b[B' },
  { label: '|', name: 'Pipe', send: '' },
  { label: '/', name: 'Slash', send: '' },
  { label: '~', name: 'Tilde', send: '' },
  { label: '-', name: 'Dash', send: '' },
];

/** A line to type in where there is no real keyboard: what touch keyboards do to a terminal's own input is not reliable. */
export function TouchLine({ attachment }: { attachment: Attachment }) {
  const [text, setText] = useState('');
  const type = (data: string) => attachment.type(data);
  return (
    <form
      className="flex flex-col gap-1.5 border-t border-line bg-bg p-2 wide:hidden"
      onSubmit={(e) => {
        e.preventDefault();
        if (type(`${text}\r`)) setText('');
      }}
    >
      <div className="flex gap-1.5">
        <input
          aria-label="Type into the terminal"
          value={text}
          onChange={(e) => setText(e.target.value)}
          autoCapitalize="off"
          autoComplete="off"
          autoCorrect="off"
          spellCheck={false}
          enterKeyHint="send"
          className="h-control min-w-0 flex-1 rounded-control border border-line-strong/60 bg-surface px-2.5 font-mono text-[16px]"
        />
        <Button type="submit" tone="primary">
          Run
        </Button>
      </div>
      <div role="group" aria-label="Keys" className="flex gap-1 overflow-x-auto">
        {keys.map((k) => (
          <button
            key={k.label}
            type="button"
            aria-label={k.name}
            onClick={() => (k.send ? type(k.send) : setText((t) => t + k.label))}
            className={cx('h-control min-w-10 shrink-0 rounded-control border border-line bg-surface px-2 font-mono text-control')}
          >
            {k.label}
          </button>
        ))}
      </div>
    </form>
  );
}
