import { describe, expect, test } from 'vitest';
import { formatTime, timeAgo } from './human-time.ts';
import { formatRows } from './table.ts';

const spec = { headings: { Name: 'NAME', Size: 'SIZE' }, columns: ['Name', 'Size'] } as const;
const rows = [
  { Name: 'a', Size: '1kB' },
  { Name: 'long-name-日', Size: '2kB' },
];

describe('formatRows', () => {
  test.for([
    ['a table', undefined, 'NAME           SIZE\na              1kB\nlong-name-日   2kB\n'],
    ['a template', '{{.Name}}={{.Size}}', 'a=1kB\nlong-name-日=2kB\n'],
    [
      'a table of its own',
      'table {{.Size}}\\t{{.Name}}',
      'SIZE      NAME\n1kB       a\n2kB       long-name-日\n',
    ],
    ['json', 'json', '{"Name":"a","Size":"1kB"}\n{"Name":"long-name-日","Size":"2kB"}\n'],
  ] as const)('%s', ([, format, want]) => {
    expect(formatRows(rows, spec, format)).toBe(want);
  });

  test('text from outside is made safe', () => {
    expect(formatRows([{ Name: '\u001b[2J', Size: '' }], spec, '{{.Name}}')).toBe('\\u{1b}[2J\n');
  });
});

describe('times', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');
  test.for([
    ['2026-11-22T12:00:00Z', 'Less than a second ago'],
    ['2026-11-22T11:59:59Z', '1 second ago'],
    ['2026-11-22T11:59:01Z', '59 seconds ago'],
    ['2026-11-22T11:59:00Z', 'About a minute ago'],
    ['2026-11-22T11:00:00Z', 'About an hour ago'],
    ['2026-11-22T10:00:00Z', '2 hours ago'],
    ['2026-11-20T12:00:00Z', '2 days ago'],
    ['2026-11-08T12:00:00Z', '2 weeks ago'],
    ['2026-09-22T12:00:00Z', '2 months ago'],
    ['1970-01-01T00:00:00Z', '56 years ago'],
    ['2030-01-01T00:00:00Z', 'Less than a second ago'],
    ['nonsense', 'N/A'],
    [undefined, 'N/A'],
  ] as const)('%s is %s', ([created, want]) => {
    expect(timeAgo(created, now)).toBe(want);
  });

  test('as docker prints times', () => {
    expect(formatTime('2026-01-02T03:04:05.678Z')).toBe('2026-01-02 03:04:05 +0000 UTC');
    expect(formatTime(undefined)).toBe('N/A');
  });
});
