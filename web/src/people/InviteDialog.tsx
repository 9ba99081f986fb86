import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { Problem, sentence } from '../api/problem';
import { invite } from '../api/people';
import type { Invitation, Tenant } from '../api/types';
import { Banner } from '../ui/Banner';
import { Button } from '../ui/Button';
import { Checkbox } from '../ui/Checkbox';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Input } from '../ui/Input';

/** Makes a single-use link; nothing is sent by HelpDesk. */
export function InviteDialog({ tenants, onClose, onInvited }: { tenants: readonly Tenant[]; onClose: () => void; onInvited: (made: Invitation) => void }) {
  const queryClient = useQueryClient();
  const [email, setEmail] = useState('');
  const [admin, setAdmin] = useState(false);
  const [chosen, setChosen] = useState<readonly string[]>(tenants.length === 1 && tenants[0] ? [tenants[0].id] : []);
  const [tried, setTried] = useState(false);
  const key = useRef(crypto.randomUUID());
  const send = useMutation({
    mutationFn: () => invite({ email: email.trim(), admin, tenants: [...chosen] }, key.current),
    onSuccess: async (made) => {
      await queryClient.invalidateQueries({ queryKey: ['people'] });
      void queryClient.invalidateQueries({ queryKey: ['tenants'] });
      onInvited(made);
    },
    onError: () => (key.current = crypto.randomUUID()),
  });
  const plausible = /^\S+@\S+$/.test(email.trim());
  const fields = send.error instanceof Problem ? send.error.fields : {};
  return (
    <Dialog
      open
      onClose={onClose}
      title="Invite a person"
      description="You get a link to send to them. With it they choose their own name and password."
      onSubmit={() => {
        setTried(true);
        if (plausible && !send.isPending) send.mutate();
      }}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button tone="primary" type="submit" busy={send.isPending}>
            Make invitation link
          </Button>
        </>
      }
    >
      <Field label="Email" error={tried && !plausible ? 'Give a whole email address.' : fields['email']}>
        {(c) => <Input {...c} type="email" inputMode="email" autoFocus autoComplete="off" value={email} onChange={(e) => setEmail(e.target.value)} />}
      </Field>
      <fieldset>
        <legend className="text-control font-medium text-ink-2">Member of</legend>
        <div className="mt-1 flex max-h-48 flex-col overflow-y-auto">
          {tenants.map((t) => (
            <Checkbox key={t.id} label={t.name} checked={chosen.includes(t.id)} onChange={(on) => setChosen(on ? [...chosen, t.id] : chosen.filter((id) => id !== t.id))} />
          ))}
          {tenants.length === 0 && <p className="text-control text-ink-3">There is no tenant yet.</p>}
        </div>
      </fieldset>
      <Checkbox label="Platform admin" hint="Manages tenants, people and places, and may enter every tenant." checked={admin} onChange={setAdmin} />
      {send.error && (
        <Banner tone="danger" live>
          {sentence(send.error)}
        </Banner>
      )}
    </Dialog>
  );
}
