import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chaosConfig } from './config.ts';
import { runChaos } from './run.ts';
import { summary } from './summary.ts';

// `make chaos`: see run.ts. Its home stays: the journal and all logs, and where something is wrong the data.
const config = chaosConfig();
const home = mkdtempSync(join(tmpdir(), 'souk-chaos-'));
// A shop is taken along when its program exits, which a signal alone is not.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

console.log(`${config.minutes} minutes of chaos, SEED=${config.seed}, in ${home}`);
const report = await runChaos(config, home, console.log);
console.log(summary(report));
if (report.violations.length > 0) process.exitCode = 1;
else rmSync(join(home, 'data'), { recursive: true, force: true });
// Idle connections must not hold a program that is done.
process.exit();
