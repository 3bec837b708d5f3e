import { readConfig } from '../local/config.ts';
import { queries, unanswered } from './queries.ts';

// Tells which queries have no figure in the Prometheus of the shop that runs; fails if a dashboard asks one of them.
const { prometheusPort, service = 'order' } = readConfig();
try {
  const silent = await unanswered(prometheusPort, service);
  for (const { where, expression, shown } of silent)
    console.log(`${shown ? 'dashboard' : 'rule'} ${where}\n  ${expression}`);
  console.log(`${silent.length} of ${queries(service).length} queries have no figure`);
  process.exitCode = silent.some(({ shown }) => shown) ? 1 : 0;
} catch (cause) {
  console.error(
    `souk: Prometheus on ${prometheusPort} was asked in vain ("make up OBSERVE=1" starts one): ${cause}`,
  );
  process.exitCode = 1;
}
