import { expect, test } from 'vitest';
import { redactUrl } from './redact.ts';

test.for([
  ['https://host/v2/', 'https://host/v2/'],
  ['https://me:secret@host:5000/v2/a?n=10&last=b', 'https://host:5000/v2/a?n=10&last=b'],
  [
    'https://cdn/blob?X-Amz-Signature=abc&X-Amz-Credential=def&digest=sha256:00',
    'https://cdn/blob?X-Amz-Signature=…&X-Amz-Credential=…&digest=sha256:00',
  ],
  ['https://host/upload?_state=xyz', 'https://host/upload?_state=…'],
  [
    'https://host/t?account=me&service=s&scope=repository:a:pull#frag',
    'https://host/t?account=…&service=s&scope=repository:a:pull',
  ],
  ['not a url', '(not a URL)'],
])('%s', ([url, want]) => {
  expect(redactUrl(url ?? '')).toBe(want);
});
