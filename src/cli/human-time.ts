const [MINUTE, HOUR, DAY] = [60, 3600, 86_400];

/** From here on (in seconds) a time is told in this unit. */
const UNITS = [
  [2 * 365 * DAY, 365 * DAY, 'years'],
  [60 * DAY, 30 * DAY, 'months'],
  [14 * DAY, 7 * DAY, 'weeks'],
  [2 * DAY, DAY, 'days'],
  [2 * HOUR, HOUR, 'hours'],
] as const;

/**
 * `3 hours ago`; `N/A` where the time is not known. `now` in milliseconds.
 *
 * Source: github.com/docker/go-units, `HumanDuration`; but whole units, never rounded up.
 */
export function timeAgo(created: string | undefined, now: number): string {
  const seconds = Math.floor((now - Date.parse(created ?? '')) / 1000);
  if (Number.isNaN(seconds)) return 'N/A';
  if (seconds < 1) return 'Less than a second ago';
  if (seconds < MINUTE) return `${seconds} second${seconds === 1 ? '' : 's'} ago`;
  if (seconds < 2 * MINUTE) return 'About a minute ago';
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} minutes ago`;
  if (seconds < 2 * HOUR) return 'About an hour ago';
  const [, length, unit] = UNITS.find(([from]) => seconds >= from) ?? [0, HOUR, 'hours'];
  return `${Math.floor(seconds / length)} ${unit} ago`;
}

/** `2026-11-22 04:56:00 +0000 UTC`, as docker prints times; `N/A` where the time is not known. */
export function formatTime(created: string | undefined): string {
  const ms = Date.parse(created ?? '');
  return Number.isNaN(ms) ? 'N/A' : `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
}
