import { createContext, useContext } from 'react';

/** The composer, for those who fill it or lead to it. */
export type Compose = { fill: (text: string) => void; focus: () => void };
export const ComposeContext = createContext<Compose>({ fill: () => {}, focus: () => {} });
export const useCompose = () => useContext(ComposeContext);
