import { LapidaryError, quoted } from '../errors/index.ts';
import type { BuildRequest } from './types.ts';

const NAME = 'SOURCE_DATE_EPOCH';

/**
 * The request with its epoch known on both sides: as the time of the image, and as the build argument that an ARG of this
 * name gets. Either may be given; the field counts more.
 *
 * @throws LapidaryError USAGE for a build argument that is no time
 */
export function withEpoch(request: BuildRequest): BuildRequest {
  const { sourceDateEpoch, buildArgs = {} } = request;
  const given = Object.hasOwn(buildArgs, NAME) ? buildArgs[NAME] : undefined;
  if (sourceDateEpoch !== undefined) {
    return given === undefined
      ? { ...request, buildArgs: { ...buildArgs, [NAME]: String(sourceDateEpoch) } }
      : request;
  }
  if (given === undefined || given === '') return request;
  const seconds = /^\d{1,12}$/.test(given) ? Number(given) : Number.NaN;
  if (seconds <= 253_402_300_799) return { ...request, sourceDateEpoch: seconds };
  throw new LapidaryError('USAGE', `the build argument ${NAME} is no time: ${quoted(given)}`, {
    hint: 'expected seconds since 1970, such as 1700000000',
  });
}
