import { resolve } from 'node:path/posix';
import type { InstructionOf } from '../dockerfile/index.ts';
import type { StageState } from './stage-state.ts';

/** WORKDIR: sets the directory and makes it, owned by the current user. */
export function applyWorkdir(state: StageState, instruction: InstructionOf<'workdir'>): void {
  const path = state.expand(instruction.path);
  state.config.WorkingDir = resolve(state.cwd, path);
  state.setBy(instruction, 'WorkingDir');
  if (state.config.WorkingDir !== '/') {
    const user = state.config.User ?? '';
    state.op = {
      op: 'workdir',
      base: state.op,
      path: state.config.WorkingDir,
      user,
      origin: state.step(instruction),
    };
    state.history.push({ createdBy: `WORKDIR ${state.config.WorkingDir}`, op: state.op });
  } else {
    state.history.push({ createdBy: 'WORKDIR /' });
  }
}
