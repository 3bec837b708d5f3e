import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Access } from '@souk/contracts/shop/contract/v1/policy_pb.js';
import { describe, expect, it } from 'vitest';
import { readContractFile } from '../envoy/contract.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { services } from '../local/services.ts';
import { servicesOf } from './method.ts';
import { plugin } from './plugin.ts';
import { requestOf, type Stated } from './testing/request.ts';

const policy = { access: Access.USER, timeoutMs: 1000 };
const good: Stated = { policy };

/** What the plugin says of a contract with an order service that has this method. */
const fault = (stated: Stated) =>
  plugin.run(requestOf({ 'shop.order.v1': { Good: good, Bad: stated }, 'shop.user.v1': { Good: good } }))
    .error;

describe('the real contract', () => {
  const methods = readContractFile(descriptorSetFile);

  it('is read whole: each method that is declared, once', () => {
    const set = fromBinary(FileDescriptorSetSchema, readFileSync(descriptorSetFile));
    const declared = set.file.flatMap((file) =>
      file.service.flatMap(({ name, method }) => method.map((one) => `/${file.package}.${name}/${one.name}`)),
    );
    expect(declared.length).toBeGreaterThan(60);
    expect(methods.map(({ path }) => path)).toEqual(declared.sort());
  });

  it('has the services that the launcher starts', () => {
    expect(servicesOf(methods)).toEqual(services.map(({ name }) => name).sort());
  });
});

describe('a contract is refused', () => {
  it.each<[string, Stated, string]>([
    ['without a policy', {}, 'shop.order.v1.TestService/Bad has no policy option'],
    [
      'without an access',
      { policy: { timeoutMs: 5 } },
      'the policy of shop.order.v1.TestService/Bad has no access',
    ],
    [
      'without a timeout',
      { policy: { access: Access.USER } },
      'the policy of shop.order.v1.TestService/Bad has no timeout',
    ],
    [
      'for services that are not named',
      { policy: { access: Access.SERVICE, timeoutMs: 5 } },
      'the policy of shop.order.v1.TestService/Bad lets in services, and names none',
    ],
    [
      'for a service that there is not',
      { policy: { ...policy, callers: ['user', 'stock', 'gateway'] } },
      'the policy of shop.order.v1.TestService/Bad names callers that are no services: stock, gateway; ' +
        'there are order, user',
    ],
  ])('with a method %s, by the method’s name', (_, stated, message) => {
    expect(fault(stated)).toBe(message);
    expect(fault(good)).toBe('');
  });

  it('with all that is wrong with it, and nothing is made', () => {
    const { error, file } = plugin.run(requestOf({ 'shop.order.v1': { One: {}, Two: {} } }));
    expect(error.split('\n')).toHaveLength(2);
    expect(file).toEqual([]);
  });

  it.each([
    ['acme.order.v1', 'acme.order.v1.TestService is in package acme.order.v1'],
    ['shop.order', 'shop.order.TestService is in package shop.order'],
    ['shop.gateway.v1', 'shop.gateway.v1.TestService is of a service called gateway'],
    ['shop.everyone.v1', 'shop.everyone.v1.TestService is of a service called everyone'],
  ])('with a service in package %s', (name, message) => {
    expect(plugin.run(requestOf({ [name]: { Good: good } })).error).toContain(message);
  });
});
