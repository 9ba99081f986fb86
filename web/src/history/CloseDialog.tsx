import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';

/** Closing asks whether the trouble is gone; the answer is kept with the ticket. */
export function CloseDialog({ keys, onClose, onAnswer }: { keys: readonly string[]; onClose: () => void; onAnswer: (solved?: boolean) => void }) {
  return (
    <Dialog
      open={keys.length > 0}
      onClose={onClose}
      title={keys.length === 1 ? `Close ${keys[0]}. Solved?` : `Close ${keys.length} tickets. Solved?`}
      description="Closing stops what runs, ends the terminals, and deletes the ticket's files. The conversation and the recordings stay, and you can reopen it."
      footer={
        <>
          <Button tone="quiet" onClick={() => onAnswer()}>
            Skip the answer
          </Button>
          <span className="flex-1" />
          <Button onClick={() => onAnswer(false)}>Not solved</Button>
          <Button tone="primary" autoFocus onClick={() => onAnswer(true)}>
            Solved
          </Button>
        </>
      }
    />
  );
}
