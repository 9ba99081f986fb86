import { readStored, writeStored } from '../app/stored';

// What was being written, and what was chosen last for each tenant. Both stay in this browser.

export type Choice = { agent: string; instance: string };

export const draftName = 'draft.new';
const lastTenant = 'new.tenant';
const choiceOf = (tenant: string) => `new.choice.${tenant}`;

export const readTenant = () => readStored(lastTenant);
export const writeTenant = (tenant: string) => writeStored(lastTenant, tenant);

export function readChoice(tenant: string): Choice | null {
  try {
    const v: unknown = JSON.parse(readStored(choiceOf(tenant)) ?? 'null');
    if (typeof v === 'object' && v !== null && 'agent' in v && typeof v.agent === 'string' && 'instance' in v && typeof v.instance === 'string') return { agent: v.agent, instance: v.instance };
  } catch {
    // Written by hand or by another version: as good as none.
  }
  return null;
}

export const writeChoice = (tenant: string, choice: Choice) => writeStored(choiceOf(tenant), JSON.stringify(choice));
