/** The ticket below or above the one with this key; with none, the first or the last. At an end it stays. */
export function neighbour<T extends { key: string }>(tickets: readonly T[], key: string | undefined, by: 1 | -1): T | undefined {
  const at = tickets.findIndex((t) => t.key === key);
  if (at < 0) return by === 1 ? tickets[0] : tickets.at(-1);
  return tickets[Math.min(tickets.length - 1, Math.max(0, at + by))];
}
