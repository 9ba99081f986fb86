import { createContext, useContext } from 'react';

/** Menus inside an open dialog must be mounted in it: the rest of the page is inert meanwhile. Others belong to main. */
export const LayerContext = createContext<HTMLElement | null>(null);

export function useLayer(): HTMLElement | undefined {
  return useContext(LayerContext) ?? document.getElementById('main') ?? undefined;
}
