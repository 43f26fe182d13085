const UNITS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** `3 hours ago`; `N/A` where the time is not known. `now` in milliseconds. */
export function timeAgo(created: string | undefined, now: number): string {
  const seconds = Math.floor((now - Date.parse(created ?? '')) / 1000);
  if (Number.isNaN(seconds)) return 'N/A';
  if (seconds < 1) return 'Less than a second ago';
  const [unit, length] = UNITS.find(([, length]) => seconds >= length * (length === 1 ? 1 : 2)) ?? [
    'second',
    1,
  ];
  const count = Math.floor(seconds / length);
  return `${count} ${unit}${count === 1 ? '' : 's'} ago`;
}

/** `2026-11-22 04:56:00 +0000 UTC`, as docker prints times; `N/A` where the time is not known. */
export function formatTime(created: string | undefined): string {
  const ms = Date.parse(created ?? '');
  return Number.isNaN(ms) ? 'N/A' : `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
}
