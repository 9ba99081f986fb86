import { useState } from 'react';
import { Problem, sentence } from '../api/problem';
import type { Tenant } from '../api/types';
import { Banner } from '../ui/Banner';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Textarea } from '../ui/Input';
import { destinationsFrom } from './destinations';
import { Section } from './Section';
import { useChangeTenant } from './useChangeTenant';

/** What the tenant's private sandboxes may connect to. Its page is for platform admins: it opens the host's network. */
export function Outbound({ tenant }: { tenant: Tenant }) {
  const saved = tenant.outbound ?? [];
  const [text, setText] = useState(saved.join('\n'));
  const save = useChangeTenant(tenant, 'Destinations saved');
  const list = destinationsFrom(text);
  const dirty = list.join('\n') !== saved.join('\n');
  const fields = save.error instanceof Problem ? save.error.fields : {};
  return (
    <Section
      title="Outbound"
      about="What the tenant's commands and terminals may connect to, through a proxy that their environment names. All else stays closed. It holds for what is started from then on."
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(e) => {
          e.preventDefault();
          if (dirty && !save.isPending) save.mutate({ outbound: list });
        }}
      >
        <Field label="Destinations" hint="One host:port a line, 50 at most: a full name, or an address. A name never leads to this machine; an address does." error={fields['outbound']}>
          {(c) => <Textarea {...c} mono rows={3} className="max-h-48 overflow-y-auto" autoComplete="off" spellCheck={false} value={text} onChange={(e) => setText(e.target.value)} placeholder="api.example.com:443" />}
        </Field>
        {save.error && (
          <Banner tone="danger" live>
            The destinations were not changed. {sentence(save.error)}
          </Banner>
        )}
        <div className="flex items-center gap-3">
          <Button type="submit" busy={save.isPending} disabledReason={!dirty && 'Nothing was changed.'}>
            Save destinations
          </Button>
          {dirty && <span className="text-meta text-ink-3">Unsaved changes</span>}
        </div>
      </form>
    </Section>
  );
}
