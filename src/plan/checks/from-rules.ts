import { type Edit, expandWord, ruleUrl, variablesIn, type Word } from '../../dockerfile/index.ts';
import { LapidaryError, type Source, suggest } from '../../errors/index.ts';
import {
  formatPlatform,
  normalisePlatform,
  type Platform,
  parsePlatform,
  parseReference,
} from '../../oci/index.ts';
import { GlobalArguments } from '../arguments.ts';
import type { PlanRule } from './plan-rule.ts';
import { attempt, type FromView } from './walk.ts';

/** What comes out of a platform's word; `undefined` where it is malformed or no platform. */
function platformOf({ stage, globals, file }: FromView): Platform | undefined {
  const word = stage.from.platform;
  const text = word && attempt(() => expandWord(word, globals.lookup, file));
  if (text === undefined) return undefined;
  try {
    return parsePlatform(text);
  } catch (error) {
    if (error instanceof LapidaryError) return undefined;
    throw error;
  }
}

export const undefinedArgInFrom: PlanRule = {
  name: 'UndefinedArgInFrom',
  summary: 'FROM command must use declared ARGs',
  url: ruleUrl('undefined-arg-in-from'),
  why: 'FROM sees the arguments that are declared before the first FROM, and those every build has, such as TARGETPLATFORM. Any other is empty, and most often misspelt.',
  from({ stage, globals, file }) {
    const { image, platform, span: within } = stage.from;
    const names = new Set(globals.names());
    return [image, ...(platform === undefined ? [] : [platform])].flatMap((word) =>
      variablesIn(word, file.escape).flatMap((name) => {
        if (names.has(name)) return [];
        const near = suggest(name, names);
        const also = near === undefined ? '' : ` (did you mean ${near}?)`;
        return { message: `FROM argument '${name}' is not declared${also}`, span: word.span, within };
      }),
    );
  },
};

export const invalidDefaultArgInFrom: PlanRule = {
  name: 'InvalidDefaultArgInFrom',
  summary: 'Default value for global ARG results in an empty or invalid base image name',
  url: ruleUrl('invalid-default-arg-in-from'),
  why: 'Without `--build-arg` the base has no valid name, so that a plain build fails. Give the ARG a default, or write one in FROM: `${TAG:-latest}`.',
  from({ stage, options, file }) {
    const { image, span: within } = stage.from;
    const defaults = attempt(() => new GlobalArguments(file, { ...options, buildArgs: {} }));
    const name = defaults && attempt(() => expandWord(image, defaults.lookup, file));
    if (name === undefined || isReference(name)) return [];
    const message = `Default value for ARG ${image.text} results in empty or invalid base image name`;
    return [{ message, span: image.span, within }];
  },
};

function isReference(name: string): boolean {
  try {
    parseReference(name);
    return true;
  } catch (error) {
    if (error instanceof LapidaryError) return false;
    throw error;
  }
}

export const redundantTargetPlatform: PlanRule = {
  name: 'RedundantTargetPlatform',
  summary:
    'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
  url: ruleUrl('redundant-target-platform'),
  why: 'Without `--platform` the base is that of the target platform anyway. The flag only says something where it is another one, such as $BUILDPLATFORM.',
  from({ stage, file }) {
    const { platform, span: within } = stage.from;
    if (platform === undefined || !/^\$(?:TARGETPLATFORM|\{TARGETPLATFORM\})$/.test(platform.text)) return [];
    const message = `Setting platform to predefined ${platform.text} in FROM is redundant as this is the default behavior`;
    return [{ message, span: platform.span, within, fix: flagGone(platform, file.source) }];
  },
};

/** Takes away `--platform=…` and the white space behind it. */
function flagGone({ span }: Word, { text }: Source): readonly Edit[] | undefined {
  const start = span.start - '--platform='.length;
  if (text.slice(start, span.start) !== '--platform=') return undefined;
  const space = /^[ \t]+/.exec(text.slice(span.end))?.[0] ?? '';
  return space === '' ? undefined : [{ span: { start, end: span.end + space.length }, text: '' }];
}

export const fromPlatformFlagConstDisallowed: PlanRule = {
  name: 'FromPlatformFlagConstDisallowed',
  summary: 'FROM --platform flag should not use a constant value',
  url: ruleUrl('from-platform-flag-const-disallowed'),
  why: 'With a fixed platform an image is the same whatever platform is asked for. Use $BUILDPLATFORM or an ARG; where a stage is for one platform, say so in its name.',
  from(view) {
    const { platform, name, span: within } = view.stage.from;
    if (platform === undefined || variablesIn(platform, view.file.escape).length > 0) return [];
    const parsed = platformOf(view);
    const lower = name?.text.toLowerCase() ?? '';
    if (parsed === undefined || lower.includes(parsed.os) || lower.includes(parsed.architecture)) return [];
    const message = `FROM --platform flag should not use constant value ${JSON.stringify(platform.text)}`;
    return [{ message, span: platform.span, within }];
  },
};

export const invalidBaseImagePlatform: PlanRule = {
  name: 'InvalidBaseImagePlatform',
  summary: 'Base image platform does not match expected target platform',
  url: ruleUrl('invalid-base-image-platform'),
  why: 'The base image is there for another platform only: its programs run by emulation at best. Choose an image that has the platform, or say by `--platform` that it is meant.',
  from(view) {
    const { stage, options, base, isStage } = view;
    if (base === undefined || isStage || base === 'scratch') return [];
    const expected = stage.from.platform === undefined ? options.platform : platformOf(view);
    const image = expected && options.image?.(base, expected);
    if (image === undefined || expected === undefined) return [];
    if (image.os === expected.os && image.architecture === expected.architecture) return [];
    const actual = formatPlatform(
      normalisePlatform({
        os: image.os,
        architecture: image.architecture,
        ...(image.variant === undefined ? {} : { variant: image.variant }),
      }),
    );
    const message = `Base image ${base} was pulled with platform ${JSON.stringify(actual)}, expected ${JSON.stringify(formatPlatform(expected))} for current build`;
    return [{ message, span: stage.from.image.span, within: stage.from.span }];
  },
};
