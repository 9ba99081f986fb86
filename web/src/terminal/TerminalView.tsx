import '@fontsource-variable/jetbrains-mono';
import '@xterm/xterm/css/xterm.css';
import { ChevronDown, ChevronUp, Copy, Search, X } from 'lucide-react';
import { type Ref, useEffect, useEffectEvent, useImperativeHandle, useRef, useState } from 'react';
import { Button, IconButton } from '../ui/Button';
import { cx } from '../ui/cx';
import { Input } from '../ui/Input';
import { Dialog } from '../ui/Dialog';
import { toast } from '../ui/toast';
import { count } from '../ticket/words';
import { Attachment } from './Attachment';
import { Emulator } from './Emulator';
import { Foot, Overlay } from './Status';
import { TouchLine } from './TouchLine';

export type ViewHandle = { focus: () => void };

/**
 * One Terminal or Run on screen. It stays mounted while hidden, so coming back to it shows what came meanwhile. Its
 * size is the controller's; a reader with another window sees that size.
 */
export function TerminalView({ ref, label, attach, onMore, compact, autoFocus, className }: { ref?: Ref<ViewHandle>; label: string; /** Takes the focus once it is drawn. */ autoFocus?: boolean; attach: () => Promise<{ token: string; url: string }>; onMore?: () => Promise<unknown>; compact?: boolean; className?: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [parts, setParts] = useState<{ emulator: Emulator; attachment: Attachment } | null>(null);
  const [asking, setAsking] = useState('');
  const [selected, setSelected] = useState('');
  const [searching, setSearching] = useState(false);
  const opened = useEffectEvent(() => attach());

  useEffect(() => {
    const el = box.current;
    if (!el) return;
    let attachment: Attachment | null = null;
    const emulator = new Emulator(
      el,
      {
        onType: (text) => attachment?.type(text),
        onRoom: (cols, rows) => {
          // The first size is known only now; what is shown before it would be drawn twice.
          if (attachment) return attachment.resize(cols, rows);
          attachment = new Attachment({ attach: opened, screen: emulator });
          setParts({ emulator, attachment });
        },
        onPasteAsks: setAsking,
        onSelection: setSelected,
        onSearchKey: () => setSearching(true),
      },
      { label, fontSize: compact ? 12 : 13 },
    );
    return () => {
      attachment?.close();
      emulator.dispose();
      setParts(null);
    };
  }, [label, compact]);

  // That it is the reader's own may be known only after it was drawn: the log tells of it, too.
  useEffect(() => {
    if (autoFocus && parts && !window.matchMedia('(pointer: coarse)').matches) parts.emulator.focus();
  }, [autoFocus, parts]);

  useImperativeHandle(ref, () => ({ focus: () => parts?.emulator.focus() }), [parts]);

  const pasteNow = () => {
    parts?.emulator.paste(asking, true);
    setAsking('');
    parts?.emulator.focus();
  };
  const copy = () => {
    void navigator.clipboard.writeText(selected).catch(() => toast('The browser did not allow copying.', { tone: 'danger' }));
    parts?.emulator.term.clearSelection();
  };
  return (
    <div className={cx('flex min-h-0 flex-col bg-term-bg', className)}>
      <div className="relative min-h-0 flex-1">
        <div ref={box} className="absolute top-1.5 right-0 bottom-1 left-2 overflow-auto [&_.xterm]:h-full [&_.xterm-viewport]:bg-transparent!" />
        {parts && <Overlay attachment={parts.attachment} />}
        <div className="absolute top-1.5 right-4 flex gap-1">
          {selected !== '' && (
            <Button size="small" icon={<Copy size={14} aria-hidden />} onMouseDown={(e) => e.preventDefault()} onClick={copy}>
              Copy
            </Button>
          )}
          {!compact && !searching && <IconButton name="Search" keys="Ctrl+Shift+F" size="small" icon={<Search size={14} aria-hidden />} onClick={() => setSearching(true)} className="bg-term-bg/80 opacity-60 hover:opacity-100 focus-visible:opacity-100" />}
        </div>
        {searching && parts && <SearchBar emulator={parts.emulator} onClose={() => (setSearching(false), parts.emulator.focus())} />}
      </div>
      {parts && !compact && <TouchLine attachment={parts.attachment} />}
      {parts && <Foot attachment={parts.attachment} emulator={parts.emulator} compact={compact} onMore={onMore} />}
      <Dialog
        open={asking !== ''}
        onClose={() => setAsking('')}
        title={`Paste ${count(asking.trimEnd().split(/\r\n|\r|\n/).length, 'line')}?`}
        description="The shell runs each line as it arrives."
        onSubmit={pasteNow}
        footer={
          <>
            <Button onClick={() => setAsking('')}>Cancel</Button>
            <Button type="submit" tone="primary" autoFocus>
              Paste
            </Button>
          </>
        }
      >
        <pre tabIndex={0} aria-label="What will be pasted" className="max-h-64 overflow-auto rounded-control border border-line bg-bg p-2 font-mono text-meta">
          {asking.slice(0, 20_000)}
        </pre>
      </Dialog>
    </div>
  );
}

function SearchBar({ emulator, onClose }: { emulator: Emulator; onClose: () => void }) {
  const [words, setWords] = useState('');
  const [found, setFound] = useState(true);
  const next = (text = words) => setFound(text === '' || emulator.search.findNext(text));
  const previous = () => setFound(words === '' || emulator.search.findPrevious(words));
  return (
    <form
      role="search"
      onSubmit={(e) => (e.preventDefault(), next())}
      onKeyDown={(e) => {
        if (e.key === 'Escape') onClose();
        if (e.key !== 'Enter' || !e.shiftKey) return;
        e.preventDefault();
        previous();
      }}
      className="absolute top-1.5 right-4 flex items-center gap-1 rounded-control border border-line bg-surface p-1 shadow-layer"
    >
      <Input autoFocus aria-label="Search the terminal" aria-invalid={!found || undefined} value={words} onChange={(e) => (setWords(e.target.value), next(e.target.value))} className="w-44" />
      <IconButton name="Previous" size="small" icon={<ChevronUp size={14} aria-hidden />} onClick={previous} />
      <IconButton name="Next" size="small" type="submit" icon={<ChevronDown size={14} aria-hidden />} />
      <IconButton name="Close search" size="small" icon={<X size={14} aria-hidden />} onClick={onClose} />
      <span role="status" className="sr-only">{found ? '' : 'Not found'}</span>
    </form>
  );
}
