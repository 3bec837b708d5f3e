/** Tells a person what a longer command is doing. */
export interface Progress {
  /**
   * Does one step and tells when it is done, with how long it took; if it takes longer than a second, also that it
   * is under way.
   *
   * @param detail what there is to say of the result
   */
  step<T>(title: string, work: () => Promise<T>, detail?: (result: T) => string): Promise<T>;
}

/** Tells nothing: for programs that start a shop. */
export const silent: Progress = { step: (_, work) => work() };

/** Tells each step in a line. */
export function createProgress(print: (line: string) => void): Progress {
  return {
    async step(title, work, detail = () => '') {
      const start = performance.now();
      const underWay = setTimeout(() => print(`  … ${title}`), 1_000);
      try {
        const result = await work();
        const seconds = ((performance.now() - start) / 1000).toFixed(2);
        print(`  ✓ ${title.padEnd(14)} ${detail(result).padEnd(48)} ${seconds.padStart(6)} s`);
        return result;
      } finally {
        clearTimeout(underWay);
      }
    },
  };
}
