import type { UserService } from '@souk/contracts/shop/user/v1/user_service_pb.js';
import type { CallContext, Client } from '../../../platform/rpc/client.ts';

/** What a person is called, in one version of the account. Personal: it belongs in no log. */
export interface DisplayName {
  readonly name: string;
  readonly version: bigint;
}

/** The user service's names of people. */
export interface DisplayNames {
  /** What these people are called now. Those whose account was deleted are left out. */
  read(userIds: readonly string[], context: CallContext): Promise<ReadonlyMap<string, DisplayName>>;
}

/** As many ids as the contract lets one call carry. */
const MAX_IDS = 500;

/** The names over the contract. */
export function createDisplayNames(
  client: Pick<Client<typeof UserService>, 'batchGetDisplayNames'>,
): DisplayNames {
  return {
    async read(userIds, context) {
      const found = new Map<string, DisplayName>();
      for (let start = 0; start < userIds.length; start += MAX_IDS) {
        const chunk = userIds.slice(start, start + MAX_IDS);
        const { names } = await client.batchGetDisplayNames({ userIds: chunk }, context);
        for (const { userId, displayName, version } of names)
          found.set(userId, { name: displayName, version });
      }
      return found;
    },
  };
}
