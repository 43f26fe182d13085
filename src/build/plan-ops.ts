import type { Op, Plan } from '../plan/index.ts';

/** Every op that a plan's result reaches, each once; contexts and images that are only read from too. */
export function everyOp({ result }: Plan): readonly Op[] {
  const seen = new Set<Op>();
  const waiting: Op[] = [result.op];
  for (let op = waiting.pop(); op !== undefined; op = waiting.pop()) {
    if (seen.has(op)) continue;
    seen.add(op);
    waiting.push(...inputsOf(op));
  }
  return [...seen];
}

function inputsOf(op: Op): readonly Op[] {
  switch (op.op) {
    case 'scratch':
    case 'image':
    case 'context':
      return [];
    case 'workdir':
      return [op.base];
    case 'copy':
      return [op.base, op.from];
    case 'run':
      return [
        op.base,
        ...op.command.mounts.flatMap((mount) =>
          mount.type === 'bind' || mount.type === 'cache' ? (mount.from ?? []) : [],
        ),
      ];
  }
}
