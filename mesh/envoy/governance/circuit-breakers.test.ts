import { expect, it } from 'vitest';
import { descriptorSetFile } from '../../local/gateway.ts';
import { readContractFile } from '../contract.ts';
import { limitsOn } from './circuit-breakers.ts';

const contract = readContractFile(descriptorSetFile);
const callsOn = (processors: number) =>
  Object.fromEntries(
    ['order', 'product', 'user'].map((service) => [service, limitsOn(processors, contract)(service).calls]),
  );

it('lets in the more, the longer a service’s calls may take and the more processors there are', () => {
  expect(callsOn(2)).toEqual({ order: 320, product: 128, user: 160 });
  expect(callsOn(8)).toEqual({ order: 1280, product: 384, user: 640 });
});

it('lets in what a program sends at once on one processor too', () => {
  expect(callsOn(1)).toEqual({ order: 160, product: 128, user: 128 });
});
