import { Check, Copy } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { Button, IconButton } from './Button';
import { announce } from './LiveRegion';
import { toast } from './toast';

/** Copies a text and says so. With `label` it is a whole button, otherwise an icon. */
export function CopyButton({ text, name = 'Copy', label }: { text: string | (() => string); name?: string; label?: string }) {
  const [done, setDone] = useState(false);
  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === 'function' ? text() : text);
      setDone(true);
      announce('Copied');
      window.clearTimeout(timer.current);
      timer.current = window.setTimeout(() => setDone(false), 1500);
    } catch {
      toast('The browser did not allow copying. Select the text and copy it by hand.', { tone: 'danger' });
    }
  };
  const icon = done ? <Check size={14} aria-hidden className="text-ok" /> : <Copy size={14} aria-hidden />;
  if (label) {
    return (
      <Button icon={icon} onClick={() => void copy()} aria-label={name}>
        {done ? 'Copied' : label}
      </Button>
    );
  }
  return <IconButton name={done ? 'Copied' : name} icon={icon} size="small" onClick={() => void copy()} />;
}
