/** A Dockerfile in which a rule does not hold: what is told of it, and how `--fix` leaves it. */
export type BadExample = {
  readonly text: string;
  readonly messages: readonly string[];
  readonly fixed?: string;
  /** Build arguments, and files of the build context. */
  readonly args?: Readonly<Record<string, string>>;
  readonly ignored?: readonly string[];
  readonly selected?: readonly string[];
};

/** The first of either kind stand on the page of the rule; all of them are tests. */
export type Examples = { readonly bad: readonly BadExample[]; readonly good: readonly string[] };

const secret = (what: string): string => `Do not use ARG or ENV instructions for sensitive data (${what})`;
const json = (what: string): string =>
  `JSON arguments recommended for ${what} to prevent unintended behavior related to OS signals`;
const early =
  'the whole build context is copied before dependencies are installed, so any change of it installs them again';
const alone = 'apt-get update is cached without the install that needs its package lists';

export const EXAMPLES: Readonly<Record<string, Examples>> = {
  StageNameCasing: {
    bad: [
      {
        text: 'FROM alpine AS Build\nCOPY --from=Build /x /x\n',
        messages: ["Stage name 'Build' should be lowercase"],
        fixed: 'FROM alpine AS build\nCOPY --from=Build /x /x\n',
      },
    ],
    good: ['FROM alpine AS build\n', 'FROM alpine\n'],
  },
  FromAsCasing: {
    bad: [
      {
        text: 'FROM alpine as build\n',
        messages: ["'as' and 'FROM' keywords' casing do not match"],
        fixed: 'FROM alpine AS build\n',
      },
      {
        text: 'from alpine \\\n  As build\n',
        messages: ["'As' and 'from' keywords' casing do not match"],
        fixed: 'from alpine \\\n  as build\n',
      },
    ],
    good: ['FROM alpine AS build\n', 'from alpine as build\n', 'From alpine as build\n'],
  },
  NoEmptyContinuation: {
    bad: [
      {
        text: 'FROM alpine\nRUN a \\\n\n    b\n',
        messages: ['Empty continuation line'],
        fixed: 'FROM alpine\nRUN a \\\n    b\n',
      },
      {
        text: 'FROM alpine\nRUN a \\\n\n# c\n  \n\n    b\nENV x=1 \\\n\n y=2',
        messages: ['Empty continuation line', 'Empty continuation line'],
        fixed: 'FROM alpine\nRUN a \\\n# c\n    b\nENV x=1 \\\n y=2',
      },
    ],
    good: ['FROM alpine\nRUN a \\\n    # why\n    b\n', 'FROM alpine\nRUN <<EOF\n\nEOF\n'],
  },
  ConsistentInstructionCasing: {
    bad: [
      {
        text: 'FROM alpine\nRun a\ncmd ["b"]\n',
        messages: [
          "Command 'Run' should match the case of the command majority (uppercase)",
          "Command 'cmd' should match the case of the command majority (uppercase)",
        ],
        fixed: 'FROM alpine\nRUN a\nCMD ["b"]\n',
      },
      {
        text: 'from alpine\nrun a\nCOPY b c\n',
        messages: ["Command 'COPY' should match the case of the command majority (lowercase)"],
        fixed: 'from alpine\nrun a\ncopy b c\n',
      },
    ],
    good: ['FROM alpine\nRUN a\n', 'from alpine\nrun a\n'],
  },
  DuplicateStageName: {
    bad: [
      {
        text: 'FROM debian AS build\nFROM alpine AS Build\n',
        messages: ['Duplicate stage name "build", stage names should be unique'],
      },
    ],
    good: ['FROM debian AS build\nFROM alpine AS run\n', 'FROM debian\nFROM alpine\n'],
  },
  ReservedStageName: {
    bad: [
      {
        text: 'FROM alpine AS scratch\n',
        messages: ['Stage name should not use the same name as reserved stage "scratch"'],
      },
      {
        text: 'FROM alpine AS Context\n',
        messages: ['Stage name should not use the same name as reserved stage "context"'],
      },
    ],
    good: ['FROM alpine AS build\n', 'FROM scratch\n'],
  },
  JSONArgsRecommended: {
    bad: [
      { text: 'FROM alpine\nCMD serve --port 80\n', messages: [json('CMD')] },
      { text: 'FROM alpine\nentrypoint serve\n', messages: [json('entrypoint')] },
    ],
    good: [
      'FROM alpine\nCMD ["serve", "--port", "80"]\n',
      'FROM alpine\nSHELL ["/bin/bash", "-c"]\nCMD serve\n',
      'FROM alpine\nSHELL ["/bin/bash", "-c"]\nFROM alpine\nHEALTHCHECK CMD curl x\n',
    ],
  },
  MaintainerDeprecated: {
    bad: [
      {
        text: 'FROM alpine\nMAINTAINER me@example.com\n',
        messages: ['Maintainer instruction is deprecated in favor of using label'],
        fixed: 'FROM alpine\nLABEL org.opencontainers.image.authors="me@example.com"\n',
      },
      {
        text: 'FROM alpine\nMAINTAINER $me\n',
        messages: ['Maintainer instruction is deprecated in favor of using label'],
      },
    ],
    good: ['FROM alpine\nLABEL org.opencontainers.image.authors="me@example.com"\n'],
  },
  UndefinedArgInFrom: {
    bad: [
      {
        text: 'ARG VARIANT=3.20\nFROM alpine:${VARIAN}\n',
        messages: ["FROM argument 'VARIAN' is not declared (did you mean VARIANT?)"],
      },
      {
        text: 'FROM --platform=$BULIDPLATFORM alpine:$x\n',
        messages: [
          "FROM argument 'BULIDPLATFORM' is not declared (did you mean BUILDPLATFORM?)",
          "FROM argument 'x' is not declared",
        ],
      },
      {
        text: 'FROM alpine AS a\nARG v=1\nFROM alpine:$v\n',
        messages: ["FROM argument 'v' is not declared"],
      },
    ],
    good: [
      'ARG VARIANT=3.20\nFROM alpine:${VARIANT}\n',
      'FROM --platform=$BUILDPLATFORM alpine\n',
      'ARG v\nFROM alpine:${v:-1}\n',
    ],
  },
  WorkdirRelativePath: {
    bad: [
      {
        text: 'FROM nginx\nWORKDIR usr/share\n',
        messages: ['Relative workdir "usr/share" can have unexpected results if the base image changes'],
      },
      {
        text: 'FROM nginx\nARG d=x\nWORKDIR $d\nWORKDIR y\n',
        messages: ['Relative workdir "x" can have unexpected results if the base image changes'],
      },
    ],
    good: [
      'FROM nginx\nWORKDIR /usr/share\nWORKDIR nginx\n',
      'FROM nginx AS a\nWORKDIR /a\nFROM a\nWORKDIR b\n',
    ],
  },
  UndefinedVar: {
    bad: [
      {
        text: 'FROM scratch\nARG foo\nCOPY $fo .\nUSER ${bar}\n',
        messages: ["Usage of undefined variable '$fo'", "Usage of undefined variable '$bar'"],
      },
      {
        text: 'FROM alpine\nENV PATH=$PAHT:/app/bin\n',
        messages: ["Usage of undefined variable '$PAHT' (did you mean $PATH?)"],
      },
      {
        text: 'ARG v=1\nFROM scratch\nLABEL a=$v\nCOPY <<EOF /x\n$w\nEOF\n',
        messages: ["Usage of undefined variable '$v'", "Usage of undefined variable '$w'"],
      },
      {
        text: 'FROM scratch\nENV a=${b:-$c} d=${e:+f} g=${PATH%$h}\n',
        messages: ['b', 'c', 'e', 'h'].map((name) => `Usage of undefined variable '$${name}'`),
      },
      {
        text: 'FROM scratch AS a\nARG v=1\nFROM scratch\nENV w=$v$v\n',
        messages: ["Usage of undefined variable '$v'"],
      },
    ],
    good: [
      'FROM scratch\nARG foo\nCOPY $foo .\n',
      'FROM alpine\nCOPY $SET_BY_ALPINE .\n',
      'FROM scratch\nARG b\nENV a=${b:-c}\nRUN echo $shell ${e:-f}\n',
      "FROM scratch\nLABEL a='$b' c=\\$d\nCOPY <<'EOF' /x\n$w\nEOF\n",
      'FROM scratch AS a\nARG v=1\nFROM a\nENV w=$v\n',
    ],
  },
  MultipleInstructionsDisallowed: {
    bad: [
      {
        text: 'FROM alpine\nENTRYPOINT ["a"]\nENTRYPOINT ["b"]\n',
        messages: [
          'Multiple ENTRYPOINT instructions should not be used in the same stage because only the last one will be used',
        ],
      },
    ],
    good: ['FROM alpine\nENTRYPOINT ["a"]\nCMD ["b"]\n', 'FROM alpine AS a\nCMD ["a"]\nFROM a\nCMD ["b"]\n'],
  },
  LegacyKeyValueFormat: {
    bad: [
      {
        text: 'FROM alpine\nARG a\nENV DIR /x/$a\nLABEL what  a thing\n',
        messages: [
          '"ENV key=value" should be used instead of legacy "ENV key value" format',
          '"LABEL key=value" should be used instead of legacy "LABEL key value" format',
        ],
        fixed: 'FROM alpine\nARG a\nENV DIR=/x/$a\nLABEL what="a thing"\n',
      },
      {
        text: 'FROM alpine\nENV a "b" c\n',
        messages: ['"ENV key=value" should be used instead of legacy "ENV key value" format'],
      },
      {
        text: 'FROM alpine\nENV a" b\n',
        messages: ['"ENV key=value" should be used instead of legacy "ENV key value" format'],
      },
    ],
    good: ['FROM alpine\nENV DIR=/x\nLABEL what="a thing" a=b\n', 'FROM alpine\nENV a= b="c d"\n'],
  },
  InvalidBaseImagePlatform: {
    bad: [
      {
        text: 'FROM arm-only\n',
        messages: [
          'Base image arm-only was pulled with platform "linux/arm64", expected "linux/amd64" for current build',
        ],
      },
    ],
    good: ['FROM alpine\n', 'FROM --platform=linux/arm64 arm-only AS arm64\n', 'FROM scratch\n'],
  },
  RedundantTargetPlatform: {
    bad: [
      {
        text: 'FROM --platform=$TARGETPLATFORM alpine\n',
        messages: [
          'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
        ],
        fixed: 'FROM alpine\n',
      },
      {
        text: 'FROM --platform=${TARGETPLATFORM} alpine AS a\n',
        messages: [
          'Setting platform to predefined ${TARGETPLATFORM} in FROM is redundant as this is the default behavior',
        ],
        fixed: 'FROM alpine AS a\n',
      },
    ],
    good: ['FROM alpine\n', 'FROM --platform=$BUILDPLATFORM alpine\n'],
  },
  SecretsUsedInArgOrEnv: {
    bad: [
      {
        text: 'FROM alpine\nARG AWS_SECRET_ACCESS_KEY\nENV NPM_TOKEN=x a=b\n',
        messages: [secret('ARG "AWS_SECRET_ACCESS_KEY"'), secret('ENV "NPM_TOKEN"')],
      },
      { text: 'ARG auth\nFROM alpine\n', messages: [secret('ARG "auth"')] },
    ],
    good: [
      'FROM alpine\nRUN --mount=type=secret,id=token true\n',
      'FROM alpine\nENV PUBLIC_KEY=x KEYBOARD=y TOKEN_FILE=/run/t\n',
    ],
  },
  InvalidDefaultArgInFrom: {
    bad: [
      {
        text: 'ARG TAG\nFROM busybox:${TAG}\n',
        messages: ['Default value for ARG busybox:${TAG} results in empty or invalid base image name'],
        args: { TAG: '1' },
      },
      {
        text: 'ARG BASE\nFROM $BASE\n',
        messages: ['Default value for ARG $BASE results in empty or invalid base image name'],
        args: { BASE: 'alpine' },
      },
    ],
    good: ['ARG TAG=1\nFROM busybox:${TAG}\n', 'ARG TAG\nFROM busybox:${TAG:-1}\n'],
  },
  FromPlatformFlagConstDisallowed: {
    bad: [
      {
        text: 'FROM --platform=linux/amd64 alpine AS base\n',
        messages: ['FROM --platform flag should not use constant value "linux/amd64"'],
      },
    ],
    good: [
      'FROM --platform=$BUILDPLATFORM alpine\n',
      'FROM --platform=linux/amd64 alpine AS build-amd64\n',
      'FROM --platform=linux/${TARGETARCH} alpine\n',
    ],
  },
  CopyIgnoredFile: {
    bad: [
      {
        text: 'FROM scratch\nCOPY ./tmp/x /\nADD tmp /\n',
        messages: [
          'Attempting to Copy file "tmp/x" that is excluded by .dockerignore',
          'Attempting to Add file "tmp" that is excluded by .dockerignore',
        ],
        ignored: ['tmp', 'tmp/x'],
      },
    ],
    good: ['FROM scratch\nCOPY . /\n', 'FROM scratch AS a\nFROM scratch\nCOPY --from=a /tmp /\n'],
  },
  InvalidDefinitionDescription: {
    bad: [
      {
        text: '# check=experimental=all\n\n# the version\nARG version=1\n# What all stand on\nFROM alpine AS base\n',
        messages: [
          'Comment for ARG should follow the format: `# version <description>`',
          'Comment for FROM should follow the format: `# base <description>`',
        ],
      },
      {
        text: '# check=experimental=InvalidDefinitionDescription\nFROM alpine\n# numbers\nARG a b\n',
        messages: ['Comment for ARG should follow the format: `# <arg_key> <description>`'],
      },
    ],
    good: [
      '# check=experimental=all\n\n# version is the newest\nARG version=1\n# base is what all stand on\nFROM alpine AS base\n',
      '# check=experimental=all\n\n# Not a description\n\nARG version=1\n# nor this\n#\nFROM alpine AS base\n',
      '# Not asked for\nARG version=1\nFROM alpine\n',
    ],
  },
  ExposeProtoCasing: {
    bad: [
      {
        text: 'FROM alpine\nEXPOSE 80/TcP 53/UDP\n',
        messages: [
          "Defined protocol '80/TcP' in EXPOSE instruction should be lowercase",
          "Defined protocol '53/UDP' in EXPOSE instruction should be lowercase",
        ],
        fixed: 'FROM alpine\nEXPOSE 80/tcp 53/udp\n',
      },
    ],
    good: ['FROM alpine\nEXPOSE 80/tcp 53/udp 81\n'],
  },
  ExposeInvalidFormat: {
    bad: [
      {
        text: 'FROM alpine\nEXPOSE 127.0.0.1:80:80\nEXPOSE 80:8080/udp\n',
        messages: [
          "EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'",
          "EXPOSE instruction should not define an IP address or host-port mapping, found '80:8080/udp'",
        ],
        fixed: 'FROM alpine\nEXPOSE 80\nEXPOSE 8080/udp\n',
      },
    ],
    good: ['FROM alpine\nEXPOSE 80\n', 'FROM alpine\nEXPOSE 8000-8010/udp\n'],
  },
  CommentAsArgument: {
    bad: [
      {
        text: 'FROM alpine\nENV a 1 # one\nCOPY b c # two\n',
        messages: [
          'ENV takes "#" for an argument, not for a comment',
          'COPY takes "#" for an argument, not for a comment',
        ],
      },
    ],
    good: ['FROM alpine\n# one\nENV a=1\nRUN a # the shell knows comments\n'],
  },
  MalformedJsonForm: {
    bad: [
      {
        text: "FROM alpine\nSHELL [\"/s\"]\nCMD ['a', 'b']\n",
        messages: ["this looks like a list but is not valid JSON, so it is taken as plain text: ['a', 'b']"],
      },
      {
        text: 'FROM alpine\nCOPY ["a", "b"\n',
        messages: ['this looks like a list but is not valid JSON, so it is taken as plain text: ["a", "b"'],
      },
    ],
    good: ['FROM alpine\nCMD ["a", "b"]\n', 'FROM alpine\nRUN [ -f x ] && [[ -n y ]]\nCOPY [a-z]* /\n'],
  },
  SecretFileCopied: {
    bad: [
      {
        text: 'FROM alpine\nCOPY .env id_rsa ./\nADD conf/server.key /etc/\n',
        messages: [
          'COPY puts what looks like a secret into the image: .env',
          'COPY puts what looks like a secret into the image: id_rsa',
          'ADD puts what looks like a secret into the image: conf/server.key',
        ],
      },
      {
        text: 'FROM alpine\nCOPY . .\n',
        messages: [
          'COPY puts what looks like a secret into the image: .npmrc, a/.env.production, b/x.pem and 1 more',
        ],
        selected: ['.npmrc', 'a/.env.production', 'a/.env.example', 'b/x.pem', 'c/y.p12', 'readme.md'],
      },
    ],
    good: [
      'FROM alpine\nRUN --mount=type=secret,id=npmrc,target=/root/.npmrc true\n',
      'FROM alpine\nCOPY .env.example public-key.pem ca.pem environment ./\n',
      'FROM alpine AS a\nFROM alpine\nCOPY --from=a /x/.env /\n',
    ],
  },
  AptGetUpdateAlone: {
    bad: [
      { text: 'FROM debian\nRUN apt-get update\nRUN apt-get install -y curl\n', messages: [alone] },
      { text: 'FROM debian\nRUN set -e; apt -qq update;\\\n  true\n', messages: [alone] },
    ],
    good: [
      'FROM debian\nRUN apt-get update && apt-get install -y curl\n',
      'FROM debian\nRUN <<EOF\napt-get update\napt-get -y install curl\nEOF\n',
      'FROM debian\nRUN --mount=type=cache,target=/var/lib/apt apt-get update\n',
      'FROM debian\nRUN echo "no apt-get updates"\n',
    ],
  },
  CopyBeforeInstall: {
    bad: [
      { text: 'FROM node\nWORKDIR /app\nCOPY . .\nRUN npm ci\n', messages: [early] },
      { text: 'FROM python\nADD ./ /app\nRUN pip install -r requirements.txt\n', messages: [early] },
    ],
    good: [
      'FROM node\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\n',
      'FROM node\nCOPY . .\nRUN npm install -g tool && npm run build\n',
      'FROM node AS a\nCOPY . .\nFROM node\nCOPY --from=a . .\nRUN npm ci\n',
    ],
  },
};
