import type { TenantPlace } from '../api/types';

export const places: readonly { value: TenantPlace; label: string; about: string }[] = [
  { value: 'sandbox', label: 'Private sandbox', about: 'Commands and terminals run apart from everything: own files and processes, and no network but the destinations that you open.' },
  {
    value: 'host_view',
    label: 'Host view',
    about: "Commands and terminals see this machine: its files read-only, its processes, its network with loopback services and outbound addresses. HelpDesk's own data, private keys and homes stay hidden.",
  },
];

export const placeOf = (value: string) => places.find((p) => p.value === value);

/** A prefix of ticket keys: a capital letter, then at most nine capitals or digits. */
export const prefixPattern = /^[A-Z][A-Z0-9]{0,9}$/;

/** What a name suggests as prefix: the first letters of its words, or the beginning of its only one. */
export function prefixFrom(name: string): string {
  const words = name.toUpperCase().match(/[A-Z0-9]+/g) ?? [];
  const text = words.length > 1 ? words.map((w) => w[0]).join('') : (words[0] ?? '').slice(0, 4);
  return text.replace(/^[0-9]+/, '').slice(0, 10);
}
