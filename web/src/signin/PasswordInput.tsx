import { Eye, EyeOff } from 'lucide-react';
import { type ComponentPropsWithRef, useState } from 'react';
import { IconButton } from '../ui/Button';
import { Input } from '../ui/Input';

/** Paste allowed, and a look at what was typed. */
export function PasswordInput(props: Omit<ComponentPropsWithRef<'input'>, 'type'>) {
  const [shown, setShown] = useState(false);
  return (
    <span className="flex gap-1">
      <Input {...props} type={shown ? 'text' : 'password'} autoCapitalize="none" />
      <IconButton name={shown ? 'Hide password' : 'Show password'} aria-pressed={shown} icon={shown ? <EyeOff size={16} aria-hidden /> : <Eye size={16} aria-hidden />} onClick={() => setShown(!shown)} />
    </span>
  );
}
