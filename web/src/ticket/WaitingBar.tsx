import { ChevronsDown } from 'lucide-react';
import { Kbd } from '../ui/Kbd';
import { useCanvas } from './context';
import { waitingWords } from './useAnnouncements';

/** Says how many commands wait, and leads to each in turn. */
export function WaitingBar({ onGo }: { onGo: () => void }) {
  const n = useCanvas((c) => {
    let open = 0;
    for (const s of c.canvas.suggestions.values()) if (s.state === 'proposed' && c.pending.get(s.id)?.error !== '') open++;
    return open;
  });
  if (n === 0) return null;
  return (
    <button type="button" onClick={onGo} className="flex min-h-control w-full items-center justify-center gap-2 rounded-control bg-warn-soft px-3 text-control font-medium text-warn hover:underline">
      <ChevronsDown size={16} aria-hidden />
      {waitingWords(n)}
      <span className="hidden wide:inline">
        <Kbd keys="Alt+J" />
      </span>
    </button>
  );
}
