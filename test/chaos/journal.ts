import { appendFileSync } from 'node:fs';

/** A file of JSON lines on what was done to whom, complete at any moment. */
export interface Journal {
  readonly file: string;
  /** Adds a line. */
  add(entry: Readonly<Record<string, unknown>>): void;
}

/** Opens a journal; each line tells the milliseconds since then, and the time. */
export function openJournal(file: string): Journal {
  const began = Date.now();
  return {
    file,
    add(entry) {
      const now = Date.now();
      appendFileSync(
        file,
        `${JSON.stringify({ ms: now - began, time: new Date(now).toISOString(), ...entry })}\n`,
      );
    },
  };
}
