import type { ITheme } from '@xterm/xterm';
import { readColor } from '../ui/color';

// The sixteen colours, chosen to be told apart on either ground; xterm raises contrast where they fall short.
const dark = ['#3b4252', '#f07178', '#8fd18a', '#e6c07b', '#7aa7f0', '#c792ea', '#6fc8d6', '#c8ced9', '#6b7589', '#ff8b92', '#a9e3a4', '#f2d59a', '#9bbef7', '#d9b0f2', '#93dce6', '#eef1f6'];
const light = ['#2b313c', '#b3261e', '#22703a', '#8a5a00', '#1f5fbf', '#7b3fa8', '#0b6a78', '#5c6675', '#4b5563', '#c5362d', '#2c8548', '#9c6a0c', '#2f6fd0', '#8d50ba', '#137a89', '#2b313c'];
const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white', 'brightBlack', 'brightRed', 'brightGreen', 'brightYellow', 'brightBlue', 'brightMagenta', 'brightCyan', 'brightWhite'] as const;

/** The page's own colours, as xterm reads them. */
export function terminalTheme(): ITheme {
  const background = readColor('term-bg');
  const foreground = readColor('term-fg');
  const isDark = parseInt(background.slice(1, 3), 16) < 128;
  const palette = isDark ? dark : light;
  return {
    background,
    foreground,
    cursor: readColor('accent'),
    cursorAccent: background,
    selectionBackground: `${readColor('accent')}55`,
    ...Object.fromEntries(names.map((name, i) => [name, palette[i]])),
  };
}

/** Calls back when the page's theme changes, by the reader's choice or the system's. */
export function onThemeChange(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  const system = window.matchMedia('(prefers-color-scheme: dark)');
  system.addEventListener('change', changed);
  return () => {
    observer.disconnect();
    system.removeEventListener('change', changed);
  };
}
