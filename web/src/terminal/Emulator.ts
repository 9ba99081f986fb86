import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon } from '@xterm/addon-search';
import { Unicode11Addon } from '@xterm/addon-unicode11';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { Terminal } from '@xterm/xterm';
import { safeHref } from '../ticket/blocks';
import type { Screen } from './Attachment';
import { onThemeChange, terminalTheme } from './theme';

export type EmulatorEvents = {
  onType: (text: string) => void;
  /** The room changed; the size that would fill it. */
  onRoom: (cols: number, rows: number) => void;
  /** Text that would run as soon as it is pasted. */
  onPasteAsks: (text: string) => void;
  onSelection: (text: string) => void;
  onSearchKey: () => void;
};

const minCols = 2;
const minRows = 1;

/** xterm, set up as we use it. It draws and reads keys; what that means is up to others. */
export class Emulator implements Screen {
  readonly term: Terminal;
  readonly search = new SearchAddon();
  #fit = new FitAddon();
  #observer: ResizeObserver;
  #frame = 0;
  #undo: (() => void)[] = [];
  #disposed = false;
  #room = { cols: 80, rows: 24 };

  constructor(
    private readonly box: HTMLElement,
    private readonly events: EmulatorEvents,
    { fontSize = 13, label }: { fontSize?: number; label: string },
  ) {
    this.term = new Terminal({
      allowProposedApi: true, // unicode11 needs it
      fontFamily: "'JetBrains Mono Variable', ui-monospace, monospace",
      fontSize,
      lineHeight: 1.2,
      scrollback: 10_000,
      minimumContrastRatio: 4.5,
      theme: terminalTheme(),
      cursorBlink: false,
      macOptionIsMeta: true,
      rightClickSelectsWord: false,
      screenReaderMode: localStorageFlag('terminal.screenReader'),
      // A program may name any address; it is followed only as the links below are.
      linkHandler: { activate: (e, uri) => follow(e, uri), allowNonHttpProtocols: false },
    });
    this.term.loadAddon(this.#fit);
    this.term.loadAddon(this.search);
    this.term.loadAddon(new Unicode11Addon());
    this.term.unicode.activeVersion = '11';
    this.term.loadAddon(new WebLinksAddon((e, uri) => follow(e, uri)));
    this.term.open(box);
    this.term.textarea?.setAttribute('aria-label', label);
    this.term.textarea?.setAttribute('aria-description', 'Control and backquote leads back to the message box.');
    this.term.attachCustomKeyEventHandler((e) => this.#key(e));
    this.#undo.push(
      dispose(this.term.onData((data) => events.onType(data))),
      dispose(this.term.onBinary((data) => events.onType(data))),
      dispose(this.term.onSelectionChange(() => events.onSelection(this.term.getSelection()))),
      onThemeChange(() => {
        this.term.options.theme = terminalTheme();
      }),
    );
    const onPaste = (e: ClipboardEvent) => {
      e.preventDefault();
      e.stopPropagation();
      this.paste(e.clipboardData?.getData('text/plain') ?? '');
    };
    box.addEventListener('paste', onPaste, true);
    this.#undo.push(() => box.removeEventListener('paste', onPaste, true));
    this.#observer = new ResizeObserver(() => this.#refit());
    this.#observer.observe(box);
    // Cells are measured by the font; before it is there they would be wrong.
    void document.fonts.load("13px 'JetBrains Mono Variable'").finally(() => {
      if (this.#disposed) return;
      this.term.options.fontFamily = "'JetBrains Mono Variable', ui-monospace, monospace, ui-monospace";
      this.#refit();
    });
    this.#soonWebgl();
  }

  size = () => this.#room;

  write = (data: Uint8Array, done: () => void) => this.term.write(data, done);

  reset = (cols: number, rows: number) => {
    this.term.reset();
    this.resized(cols, rows);
  };

  resized = (cols: number, rows: number) => {
    if (cols >= minCols && rows >= minRows && (cols !== this.term.cols || rows !== this.term.rows)) this.term.resize(cols, rows);
  };

  /** Pastes; text of several lines asks first, unless the program takes pastes as such. */
  paste(text: string, sure = false) {
    if (text === '') return;
    if (!sure && /[\r\n]./s.test(text.trimEnd()) && !this.term.modes.bracketedPasteMode) return this.events.onPasteAsks(text);
    // What ends a bracketed paste must not be in it, or the rest would be typed as keys.
    this.term.paste(text.replaceAll('\x1b[201~', ''));
  }

  focus() {
    this.term.focus();
  }

  dispose() {
    this.#disposed = true;
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    for (const undo of this.#undo) undo();
    this.term.dispose();
  }

  #refit() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      if (this.#disposed || this.box.clientWidth < 20) return;
      const room = this.#fit.proposeDimensions();
      if (!room || !(room.cols >= minCols) || !(room.rows >= minRows)) return;
      const cols = Math.min(1000, room.cols);
      const rows = Math.min(1000, room.rows);
      if (cols === this.#room.cols && rows === this.#room.rows) return;
      this.#room = { cols, rows };
      this.events.onRoom(cols, rows);
    });
  }

  #key(e: KeyboardEvent): boolean {
    if (e.type !== 'keydown') return true;
    const ctrl = e.ctrlKey && !e.altKey && !e.metaKey;
    const copy = (ctrl && e.code === 'KeyC' && (e.shiftKey || this.term.hasSelection())) || (ctrl && e.key === 'Insert');
    if (copy) {
      e.preventDefault();
      if (this.term.hasSelection()) {
        void navigator.clipboard.writeText(this.term.getSelection());
        this.term.clearSelection();
      }
      return false;
    }
    // The browser's own paste then comes as an event.
    if ((ctrl && e.code === 'KeyV') || (e.shiftKey && e.key === 'Insert')) return false;
    if (ctrl && e.shiftKey && e.code === 'KeyF') {
      e.preventDefault();
      this.events.onSearchKey();
      return false;
    }
    return true;
  }

  // Drawing by the graphics card is fetched when there is nothing better to do, and given up when it is lost.
  #soonWebgl() {
    const idle = window.requestIdleCallback ?? ((run: () => void) => window.setTimeout(run, 500));
    idle(() => {
      if (this.#disposed) return;
      void import('@xterm/addon-webgl').then(({ WebglAddon }) => {
        if (this.#disposed) return;
        try {
          const webgl = new WebglAddon();
          webgl.onContextLoss(() => webgl.dispose());
          this.term.loadAddon(webgl);
        } catch {
          // Without a graphics card xterm draws by itself.
        }
      });
    });
  }
}

function follow(e: MouseEvent, uri: string) {
  const url = safeHref(uri);
  if (url && (e.ctrlKey || e.metaKey)) window.open(url.href, '_blank', 'noopener,noreferrer');
}

const dispose = (d: { dispose: () => void }) => () => d.dispose();

function localStorageFlag(name: string): boolean {
  try {
    return localStorage.getItem(`helpdesk.${name}`) === '1';
  } catch {
    return false;
  }
}
