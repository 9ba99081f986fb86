import { Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { sentence } from '../api/problem';
import type { Tenant } from '../api/types';
import { Banner } from '../ui/Banner';
import { Button, IconButton } from '../ui/Button';
import { AlertDialog, Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Input, Textarea } from '../ui/Input';
import { Section } from './Section';
import { useChangeTenant } from './useChangeTenant';

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The environment of what runs for the tenant. Values go in and never come out. */
export function Variables({ tenant }: { tenant: Tenant }) {
  const [editing, setEditing] = useState<string | null>(null);
  const [removing, setRemoving] = useState<string | null>(null);
  const remove = useChangeTenant(tenant, 'Variable removed', () => setRemoving(null));
  return (
    <Section title="Variables" about="Set in the environment of the tenant's commands and terminals. They are encrypted, and a value is never shown again.">
      {tenant.variables.length > 0 && (
        <ul className="divide-y divide-line border-y border-line">
          {tenant.variables.map((name) => (
            <li key={name} className="flex min-h-row items-center gap-3 px-2">
              <code className="min-w-0 flex-1 truncate font-mono text-control">{name}</code>
              <span aria-hidden className="text-meta text-ink-3">
                ••••••••
              </span>
              <Button size="small" tone="quiet" aria-label={`Replace the value of ${name}`} onClick={() => setEditing(name)}>
                Replace
              </Button>
              <IconButton name={`Remove ${name}`} icon={<Trash2 size={16} aria-hidden />} size="small" onClick={() => setRemoving(name)} />
            </li>
          ))}
        </ul>
      )}
      <div>
        <Button icon={<Plus size={16} aria-hidden />} onClick={() => setEditing('')}>
          Add a variable
        </Button>
      </div>
      {editing !== null && <VariableDialog tenant={tenant} name={editing} onClose={() => setEditing(null)} />}
      <AlertDialog
        open={removing !== null}
        onClose={() => setRemoving(null)}
        title={`Remove ${removing ?? ''}?`}
        description={
          <>
            Its value cannot be brought back.
            {remove.error && <Banner tone="danger" live className="mt-2">{sentence(remove.error)}</Banner>}
          </>
        }
        confirm="Remove variable"
        busy={remove.isPending}
        onConfirm={() => removing !== null && remove.mutate({ variables: { [removing]: null } })}
      />
    </Section>
  );
}

function VariableDialog({ tenant, name: given, onClose }: { tenant: Tenant; name: string; onClose: () => void }) {
  const [name, setName] = useState(given);
  const [value, setValue] = useState('');
  const [tried, setTried] = useState(false);
  const save = useChangeTenant(tenant, 'Variable saved', onClose);
  const nameFault = namePattern.test(name) ? (!given && tenant.variables.includes(name) ? 'There is one of this name already. Replace its value instead.' : null) : 'Use letters, digits and _, not beginning with a digit.';
  return (
    <Dialog
      open
      onClose={onClose}
      title={given ? `Replace the value of ${given}` : 'Add a variable'}
      onSubmit={() => {
        setTried(true);
        if (!nameFault && !save.isPending) save.mutate({ variables: { [name]: value } });
      }}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button tone="primary" type="submit" busy={save.isPending}>
            Save variable
          </Button>
        </>
      }
    >
      {!given && (
        <Field label="Name" error={tried ? nameFault : null}>
          {(c) => <Input {...c} mono autoFocus autoComplete="off" value={name} onChange={(e) => setName(e.target.value)} placeholder="KUBECONFIG" />}
        </Field>
      )}
      <Field label="Value" hint="Shown only while you type it here.">
        {(c) => <Textarea {...c} mono autoFocus={Boolean(given)} rows={2} className="max-h-48 overflow-y-auto" autoComplete="off" spellCheck={false} value={value} onChange={(e) => setValue(e.target.value)} />}
      </Field>
      {save.error && (
        <Banner tone="danger" live>
          {sentence(save.error)}
        </Banner>
      )}
    </Dialog>
  );
}
