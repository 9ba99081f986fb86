import { Dialog } from '../ui/Dialog';
import { Kbd } from '../ui/Kbd';
import { Switch } from '../ui/Switch';
import { useSingleKeys } from './shortcuts';

const groups: readonly { name: string; keys: readonly (readonly [string, string])[] }[] = [
  { name: 'Anywhere', keys: [['Ctrl+K', 'Search tickets and actions'], ['?', 'This list'], ['c', 'New ticket'], ['g h', 'Go to History'], ['g s', 'Go to AI Studio'], ['g a', 'Go to Tenants'], ['/', 'Search']] },
  { name: 'History', keys: [['j', 'Next ticket'], ['k', 'Ticket before'], ['Enter', 'Open'], ['s', 'Set status'], ['x', 'Select'], ['Del', 'Delete (can be undone)'], ['Ctrl+Z', 'Undo the last delete']] },
  { name: 'New ticket', keys: [['Ctrl+Enter', 'Submit']] },
  { name: 'Ticket', keys: [['Enter', 'Send message'], ['Shift+Enter', 'New line'], ['Alt+J', 'Next command that waits for you'], ['Alt+Shift+J', 'The one before'], ['Ctrl+`', 'Message ⇄ terminal'], ['End', 'Jump to the latest']] },
  { name: 'On a command that has the focus', keys: [['A', 'Approve'], ['R', 'Reject'], ['I', 'Ignore'], ['X', 'Execute']] },
];

export function ShortcutSheet({ onClose }: { onClose: () => void }) {
  const [single, setSingle] = useSingleKeys();
  return (
    <Dialog open onClose={onClose} title="Keyboard shortcuts" wide>
      <Switch label="Single-key shortcuts" hint="Switch these off if you use speech input." on={single} onChange={setSingle} />
      <div className="gap-8 wide:columns-2">
        {groups.map((group) => (
          <section key={group.name} className="mb-5 break-inside-avoid">
            <h3 className="pb-1 text-meta font-semibold text-ink-2">{group.name}</h3>
            <dl className="divide-y divide-line">
              {group.keys.map(([keys, does]) => (
                <div key={keys} className="flex items-center justify-between gap-4 py-1.5 text-control">
                  <dt className="order-2">
                    <Kbd keys={keys} />
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
