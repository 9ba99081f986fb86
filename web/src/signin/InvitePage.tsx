import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { acceptInvitation } from '../api/me';
import { Problem, sentence } from '../api/problem';
import { sessionChanged } from '../api/signedOut';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Input } from '../ui/Input';
import { fragmentToken } from './fragmentToken';
import { PasswordInput } from './PasswordInput';
import { SignInCard } from './SignInCard';

const shortest = 12;

export function InvitePage() {
  const [token] = useState(() => fragmentToken(window.location.hash));
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [tried, setTried] = useState(false);
  const accept = useMutation({
    mutationFn: (accepted: string) => acceptInvitation({ token: accepted, name: name.trim(), password }),
    onSuccess: async () => {
      queryClient.clear();
      sessionChanged();
      await navigate({ to: '/', replace: true });
    },
  });
  if (!token) {
    return (
      <SignInCard
        title="This link is not complete"
        intro="Open the whole link that you were sent. If it was cut off, ask whoever invited you for a new one."
        onSubmit={() => void navigate({ to: '/sign-in' })}
        action={<Button type="submit">Go to sign-in</Button>}
      />
    );
  }
  const fields = accept.error instanceof Problem ? accept.error.fields : {};
  const nameError = tried && name.trim() === '' ? 'Say how you want to be called.' : fields['name'];
  const passwordError = tried && password.length < shortest ? `Use at least ${shortest} characters.` : fields['password'];
  return (
    <SignInCard
      title="You are invited"
      intro="Choose a name and a password, and you are in. The link works once."
      error={accept.error && sentence(accept.error)}
      onSubmit={() => {
        setTried(true);
        if (name.trim() !== '' && password.length >= shortest) accept.mutate(token);
      }}
      action={
        <Button tone="primary" type="submit" busy={accept.isPending}>
          Accept invitation
        </Button>
      }
    >
      <Field label="Your name" error={nameError}>
        {(c) => <Input {...c} name="name" autoComplete="name" value={name} onChange={(e) => setName(e.target.value)} />}
      </Field>
      <Field label="Password" hint={`At least ${shortest} characters. A few words in a row are easy to remember.`} error={passwordError}>
        {(c) => <PasswordInput {...c} name="new-password" autoComplete="new-password" value={password} onChange={(e) => setPassword(e.target.value)} />}
      </Field>
    </SignInCard>
  );
}
