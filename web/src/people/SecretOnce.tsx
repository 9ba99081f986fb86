import type { ReactNode } from 'react';
import { Banner } from '../ui/Banner';
import { Button } from '../ui/Button';
import { CopyButton } from '../ui/CopyButton';
import { Dialog } from '../ui/Dialog';

/** A text that is shown this once: a link, a token. */
export function SecretOnce({ title, label, secret, note, onClose }: { title: string; label: string; secret: string; note: ReactNode; onClose: () => void }) {
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      footer={
        <>
          <Button onClick={onClose}>Done</Button>
        </>
      }
    >
      <Banner tone="warn">Copy it now: it is not shown again.</Banner>
      <div>
        <p className="text-control font-medium text-ink-2" id="secret-label">
          {label}
        </p>
        <output aria-labelledby="secret-label" className="mt-1 block rounded-control border border-line bg-raised p-2.5 font-mono text-control break-all select-all">
          {secret}
        </output>
      </div>
      <div className="flex items-center gap-3">
        <CopyButton text={secret} name={`Copy ${label.toLowerCase()}`} label="Copy" />
        <p className="text-meta text-ink-3">{note}</p>
      </div>
    </Dialog>
  );
}
