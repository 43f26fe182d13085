import { EXIT } from '../../errors/index.ts';
import type { CommandSpec } from '../command.ts';

export const tagCommand: CommandSpec = {
  name: 'tag',
  summary: 'Give an image another name',
  args: 'SOURCE TARGET',
  arity: [2, 2],
  options: [],
  examples: [{ text: 'A second name', command: 'lapidary tag app:1.0 app:latest' }],
  run: async (call) => {
    const [source = '', target = ''] = call.args;
    const { withLapidary } = await import('../open-lapidary.ts');
    await withLapidary(call, (lapidary) => lapidary.tag(source, target));
    return EXIT.ok;
  },
};
