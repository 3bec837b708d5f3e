import { delimiter, join } from 'node:path';

/** Where a program may be, by the value of PATH. */
export const onPath = (program: string, path: string): string[] =>
  path.split(delimiter).map((folder) => join(folder, program));
