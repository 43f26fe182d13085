import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LapidaryError } from '../errors/index.ts';
import {
  decodeReport,
  encodeFrame,
  encodeMessage,
  type Frame,
  FrameReader,
  plainError,
  revivedError,
} from './protocol.ts';

const frame = fc.record({
  kind: fc.constantFrom('message', 'stdout', 'stderr'),
  run: fc.integer({ min: 0, max: 0xffffffff }),
  payload: fc.uint8Array({ maxLength: 40 }),
}) as fc.Arbitrary<Frame>;

function plain({ kind, run, payload }: Frame): unknown {
  return [kind, run, [...payload]];
}

describe('FrameReader', () => {
  test('gives back the frames that were written, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.nat({ max: 30 })), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(encodeFrame));
        const reader = new FrameReader();
        const seen: Frame[] = [];
        let at = 0;
        for (const cut of cuts) {
          seen.push(...reader.push(bytes.subarray(at, at + cut)));
          at = Math.min(bytes.length, at + cut);
        }
        seen.push(...reader.push(bytes.subarray(at)));
        expect(seen.map(plain)).toEqual(frames.map(plain));
      }),
    );
  });

  test.for([
    { name: 'an unknown kind', bytes: [0, 0, 0, 0, 9, 0, 0, 0, 0] },
    { name: 'a length beyond all limits', bytes: [255, 255, 255, 255, 0, 0, 0, 0, 0] },
  ])('refuses $name', ({ bytes }) => {
    expect(() => new FrameReader().push(Uint8Array.from(bytes))).toThrow('not a frame');
  });
});

test('a message is one frame', () => {
  const [read] = new FrameReader().push(encodeMessage(7, { type: 'exited', exitCode: 3 }));
  expect(read?.run).toBe(7);
  expect(read && decodeReport(read)).toEqual({ type: 'exited', exitCode: 3 });
});

describe('errors across the pipe', () => {
  test('keep code, message, hint and notes', () => {
    const error = new LapidaryError('STORE_FAILED', 'no space', { hint: 'free some', notes: ['a'] });
    expect(revivedError(plainError(error))).toMatchObject({
      code: 'STORE_FAILED',
      message: 'no space',
      hint: 'free some',
      notes: ['a'],
    });
  });

  test('others become failures of the sandbox, with where they were thrown', () => {
    const revived = revivedError(plainError(new TypeError('x is not a function')));
    expect(revived).toMatchObject({
      code: 'SANDBOX_FAILED',
      message: 'the sandbox failed: x is not a function',
    });
    expect((revived as LapidaryError).notes[0]).toContain('protocol.test.ts');
  });
});
