import { Histogram } from 'prom-client';
import { serviceOfInstance } from './config.ts';

// A service that measures nothing: what its metrics cost is measured against it.
Histogram.prototype.labels = () => ({ observe() {}, startTimer: () => () => 0 });
await import(new URL(`../services/${serviceOfInstance()}/main.ts`, import.meta.url).href);
