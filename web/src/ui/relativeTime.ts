const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const thisYear = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric' });
const otherYear = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric', year: 'numeric' });

/** A time as people say it, short enough for a table. A clock that is a little ahead reads "just now". */
export function relativeTime(at: Date, now: Date): string {
  const age = now.getTime() - at.getTime();
  if (age < -minute) return (at.getFullYear() === now.getFullYear() ? thisYear : otherYear).format(at);
  if (age < minute) return 'just now';
  if (age < hour) return `${Math.floor(age / minute)} min ago`;
  if (age < day) return `${Math.floor(age / hour)} h ago`;
  if (age < 7 * day) return `${Math.floor(age / day)} d ago`;
  return (at.getFullYear() === now.getFullYear() ? thisYear : otherYear).format(at);
}
