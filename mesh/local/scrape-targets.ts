import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loopback } from './free-port.ts';
import type { Paths } from './paths.ts';
import type { ProcessRecord } from './state.ts';

/** Where a Prometheus runs from, with its files of targets below. */
export const prometheusFolder = (paths: Paths): string => join(paths.run, 'prometheus');

/**
 * Keeps the files by which a Prometheus finds what to scrape (its file_sd_configs), whoever runs one: instances come and
 * go with scaling. `adminPort` is the gateway's.
 */
export function createTargetFiles(
  paths: Paths,
): (processes: readonly ProcessRecord[], adminPort: number) => void {
  const folder = join(prometheusFolder(paths), 'targets');
  const written = new Map<string, string>();
  const write = (name: string, targets: readonly object[]): void => {
    const content = `${JSON.stringify(targets, undefined, 2)}\n`;
    if (written.get(name) === content) return;
    mkdirSync(folder, { recursive: true });
    const draft = join(folder, `.${name}.draft`);
    writeFileSync(draft, content);
    renameSync(draft, join(folder, name));
    written.set(name, content);
  };
  const target = (port: number, service: string, instance: string) => ({
    targets: [`${loopback}:${port}`],
    labels: { service, instance },
  });

  return (processes, adminPort) => {
    write(
      'services.json',
      processes.flatMap(({ service, name, metricsPort }) =>
        service && metricsPort ? [target(metricsPort, service, name)] : [],
      ),
    );
    write(
      'envoys.json',
      processes.flatMap(({ kind, name, adminPort: own }) => {
        if (kind === 'envoy') return [target(adminPort, 'gateway', 'gateway')];
        // `order-canary-1-sidecar` is of the order service.
        const [service = ''] = name.split('-');
        return kind === 'sidecar' && own ? [target(own, service, name)] : [];
      }),
    );
  };
}
