import { useEffect, useEffectEvent } from 'react';
import { readStored, useStored } from './stored';

export type Shortcut = { keys: string; run: (e: KeyboardEvent) => void };

const off = 'shortcuts.off';

/** Single letters can be switched off: they get in the way of speech input (WCAG 2.1.4). */
export function useSingleKeys(): [boolean, (on: boolean) => void] {
  const [stored, set] = useStored(off);
  return [stored === null, (on) => set(on ? null : '1')];
}

/** Whether keys pressed here are text, or belong to a layer on top of the page. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.closest('input:not([type=checkbox]), textarea, select, [role=menu], [role=listbox], dialog, .xterm') !== null;
}

/** How long "g" waits for its second key. */
const sequenceMs = 1200;

/** Turns key presses into names: "c", "Ctrl+K", "g h". Modified keys count anywhere, plain ones only when not typing. */
export class KeyReader {
  #first = '';
  #firstAt = 0;

  read(e: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'timeStamp'>): string {
    if (['Shift', 'Control', 'Alt', 'Meta'].includes(e.key)) return '';
    const mod = e.ctrlKey || e.metaKey;
    if (mod || e.altKey) {
      this.#first = '';
      return `${mod ? 'Ctrl+' : ''}${e.altKey ? 'Alt+' : ''}${e.key.length === 1 ? e.key.toUpperCase() : e.key}`;
    }
    const waiting = this.#first !== '' && e.timeStamp - this.#firstAt < sequenceMs;
    const name = waiting ? `${this.#first} ${e.key}` : e.key;
    this.#first = !waiting && e.key === 'g' ? 'g' : '';
    this.#firstAt = e.timeStamp;
    return name;
  }
}

/** Shortcuts of the whole page, for as long as the component that names them is mounted. */
export function useShortcuts(shortcuts: readonly Shortcut[]) {
  const handle = useEffectEvent((e: KeyboardEvent, name: string) => {
    const hit = shortcuts.find((s) => s.keys === name);
    if (!hit) return;
    const plain = !e.ctrlKey && !e.metaKey && !e.altKey;
    if (plain && (isTyping(e.target) || readStored(off) !== null)) return;
    e.preventDefault();
    hit.run(e);
  });
  useEffect(() => {
    const reader = new KeyReader();
    const onKey = (e: KeyboardEvent) => {
      if (e.defaultPrevented || e.isComposing) return;
      const name = reader.read(e);
      if (name) handle(e, name);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}
