import { main } from '../../src/cli/main.ts';
import { fakeIo } from '../../src/cli/test-fake-io.ts';
import type { CliResult, Workspace } from './cli.ts';

/** The command line in this process, for what needs no process of its own: no time goes into starting one. */
export class MainHere {
  readonly #work: Workspace;

  constructor(work: Workspace) {
    this.#work = work;
  }

  async run(...args: readonly string[]): Promise<CliResult> {
    const { dir, store } = this.#work;
    const env = { LAPIDARY_STORE: store, HOME: dir, PATH: process.env['PATH'] ?? '' };
    const { io, out, err } = fakeIo({ cwd: dir, env });
    const code = await main(args, io);
    return { code, stdout: out(), stderr: err() };
  }

  /** Its standard output; a command that does not succeed fails the test with its own words. */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`lapidary ${args.join(' ')} exited with ${code}\n${stdout}\n${stderr}`);
    return stdout;
  }
}
