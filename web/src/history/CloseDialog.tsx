import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';

/** Closing asks whether the trouble is gone; the answer is kept with the ticket. */
export function CloseDialog({ keys, busy, onClose, onAnswer }: { keys: readonly string[]; busy?: boolean; onClose: () => void; onAnswer: (solved?: boolean) => void }) {
  return (
    <Dialog
      open={keys.length > 0}
      onClose={onClose}
      title={keys.length === 1 ? `Close ${keys[0]}. Solved?` : `Close ${keys.length} tickets. Solved?`}
      description="Closing stops what runs, ends the terminals, and deletes the ticket's files. The conversation and the recordings stay, and you can reopen it."
      footer={
        <>
          <Button tone="quiet" disabledReason={busy ? 'The ticket is being closed.' : false} onClick={() => onAnswer()}>
            Skip the answer
          </Button>
          <span className="flex-1" />
          <Button disabledReason={busy ? 'The ticket is being closed.' : false} onClick={() => onAnswer(false)}>Not solved</Button>
          <Button tone="primary" autoFocus busy={busy} onClick={() => onAnswer(true)}>
            Solved
          </Button>
        </>
      }
    />
  );
}
