import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { redeemLink, signInWithPassword } from '../api/me';
import { Problem, sentence } from '../api/problem';
import { sessionChanged } from '../api/signedOut';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Input } from '../ui/Input';
import { fragmentToken } from './fragmentToken';
import { PasswordInput } from './PasswordInput';
import { SignInCard } from './SignInCard';

export function SignInPage() {
  const [token, setToken] = useState(() => fragmentToken(window.location.hash));
  return token ? <ByLink token={token} onOther={() => setToken(null)} /> : <ByPassword />;
}

/** Goes on to where one wanted to be, with nothing left of whoever was here before. */
function useEnter() {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const { to } = useSearch({ from: '/sign-in' });
  return async () => {
    queryClient.clear();
    sessionChanged();
    await navigate({ to: to ?? '/', replace: true });
  };
}

function ByLink({ token, onOther }: { token: string; onOther: () => void }) {
  const enter = useEnter();
  const redeem = useMutation({ mutationFn: () => redeemLink(token), onSuccess: enter });
  return (
    <SignInCard
      title="Sign in"
      intro="This link signs you in on this browser. It works once, for ten minutes after it was made."
      error={redeem.error && sentence(redeem.error)}
      onSubmit={() => redeem.mutate()}
      action={
        <div className="flex flex-col gap-2">
          <Button tone="primary" type="submit" busy={redeem.isPending}>
            Sign in
          </Button>
          <Button tone="quiet" onClick={onOther}>
            Use email and password instead
          </Button>
        </div>
      }
    />
  );
}

function ByPassword() {
  const enter = useEnter();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const signIn = useMutation({ mutationFn: () => signInWithPassword({ email: email.trim(), password }), onSuccess: enter });
  const fields = signIn.error instanceof Problem ? signIn.error.fields : {};
  return (
    <SignInCard
      title="Sign in"
      error={signIn.error && sentence(signIn.error)}
      onSubmit={() => email.trim() && password && signIn.mutate()}
      action={
        <>
          <Button tone="primary" type="submit" busy={signIn.isPending}>
            Sign in
          </Button>
          <p className="text-meta text-ink-3">
            No password? Open the sign-in link that the server printed when it started, or ask an admin for a new one.
          </p>
        </>
      }
    >
      <Field label="Email" error={fields['email']}>
        {(c) => <Input {...c} type="email" name="email" autoComplete="username" inputMode="email" required value={email} onChange={(e) => setEmail(e.target.value)} />}
      </Field>
      <Field label="Password" error={fields['password']}>
        {(c) => <PasswordInput {...c} name="password" autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.target.value)} />}
      </Field>
    </SignInCard>
  );
}
