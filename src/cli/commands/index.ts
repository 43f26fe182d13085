import type { CommandSpec } from '../command.ts';
import { bootstrapCommand } from './bootstrap.ts';
import { buildCommand } from './build.ts';
import { contextCommand } from './context.ts';
import { cpCommand } from './cp.ts';
import { diffCommand } from './diff.ts';
import { doctorCommand } from './doctor.ts';
import { historyCommand } from './history.ts';
import { imagesCommand } from './images.ts';
import { initCommand } from './init.ts';
import { inspectCommand } from './inspect.ts';
import { loadCommand } from './load.ts';
import { lockCommand } from './lock.ts';
import { loginCommand } from './login.ts';
import { logoutCommand } from './logout.ts';
import { manifestAnnotateCommand } from './manifest-annotate.ts';
import { manifestCreateCommand } from './manifest-create.ts';
import { manifestRmCommand } from './manifest-rm.ts';
import { mergeCommand } from './merge.ts';
import { pullCommand } from './pull.ts';
import { pushCommand } from './push.ts';
import { rmCommand } from './rm.ts';
import { rmiCommand } from './rmi.ts';
import { runCommand } from './run.ts';
import { saveCommand } from './save.ts';
import { sizeCommand } from './size.ts';
import { slimCommand } from './slim.ts';
import { tagCommand } from './tag.ts';
import { tagsCommand } from './tags.ts';
import { versionCommand } from './version.ts';

/** All commands, in the order of the help. Their definitions are light: what they need is loaded when they run. */
export const COMMANDS: readonly CommandSpec[] = [
  buildCommand,
  initCommand,
  lockCommand,
  mergeCommand,
  runCommand,
  pullCommand,
  pushCommand,
  cpCommand,
  tagsCommand,
  rmCommand,
  manifestCreateCommand,
  manifestAnnotateCommand,
  manifestRmCommand,
  imagesCommand,
  inspectCommand,
  historyCommand,
  sizeCommand,
  diffCommand,
  slimCommand,
  tagCommand,
  rmiCommand,
  saveCommand,
  loadCommand,
  loginCommand,
  logoutCommand,
  contextCommand,
  bootstrapCommand,
  doctorCommand,
  versionCommand,
];
