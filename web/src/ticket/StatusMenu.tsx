import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ChevronDown } from 'lucide-react';
import { useState } from 'react';
import { sentence } from '../api/problem';
import { changeTicket, type TicketChange, ticketQuery } from '../api/tickets';
import type { TicketStatus } from '../api/types';
import { CloseDialog } from '../history/CloseDialog';
import { statusLabels, statusOptions } from '../history/TicketState';
import { Button } from '../ui/Button';
import { Menu, MenuChoice } from '../ui/Menu';
import { toast } from '../ui/toast';
import { useHead } from './context';

/** Sets the status; closing asks whether the trouble is solved. */
export function StatusMenu() {
  const head = useHead();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const change = useMutation({
    mutationFn: (to: TicketChange) => changeTicket(head.key, to),
    onSuccess: () => {
      setAsking(false);
      return client.invalidateQueries({ queryKey: ticketQuery(head.key).queryKey });
    },
    onError: (error) => toast(`The status was not changed. ${sentence(error)}`, { tone: 'danger' }),
  });
  const choose = (status: TicketStatus) => {
    if (status === head.status) return;
    if (status === 'closed') setAsking(true);
    else change.mutate({ status });
  };
  const solved = head.status === 'closed' && head.solved !== null ? (head.solved ? ' · solved' : ' · not solved') : '';
  return (
    <>
      <Menu
        align="end"
        trigger={
          <Button tone="quiet" busy={change.isPending && !asking} aria-label={`${statusLabels[head.status]}${solved}: change the status`}>
            {statusLabels[head.status]}
            {solved && <span className="font-normal text-ink-3">{solved}</span>}
            <ChevronDown size={14} aria-hidden className="text-ink-3" />
          </Button>
        }
      >
        <MenuChoice value={head.status} options={statusOptions} onChange={choose} />
      </Menu>
      <CloseDialog keys={asking ? [head.key] : []} busy={change.isPending} onClose={() => setAsking(false)} onAnswer={(answer) => change.mutate({ status: 'closed', ...(answer === undefined ? {} : { solved: answer }) })} />
    </>
  );
}
