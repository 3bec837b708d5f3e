import { connect } from '../platform/db/database.ts';
import { createLogger } from '../platform/telemetry/log.ts';
import { createAccessTokenIssuer } from '../services/user/access-token-issuer.ts';
import { openKeysOf } from '../services/user/signing-keys.ts';
import type { Role } from '../services/user/user.ts';

/** The user service's database and the secret that seals its keys. */
export interface TokenSource {
  readonly databaseUrl: string;
  readonly signingKeySecret: string;
}

/** Tokens outlast a run: nobody refreshes them. */
const TOKEN_TTL_S = 3 * 3_600;

/** An access token for each of `people`, as the user service would issue it: a thousand logins would take a minute. */
export async function issueTokens(
  { databaseUrl, signingKeySecret }: TokenSource,
  people: readonly { readonly userId: string; readonly role: Role }[],
): Promise<string[]> {
  const log = createLogger({ service: 'user', instance: 'bench', level: 'warn' });
  const database = connect({ DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: 1, INSTANCE: 'bench' }, log);
  try {
    const settings = {
      SIGNING_KEY_SECRET: signingKeySecret,
      SIGNING_KEY_ROTATION_S: 30 * 86_400,
      ACCESS_TOKEN_TTL_S: 300,
    };
    const issue = createAccessTokenIssuer(await openKeysOf(settings, database.sql, log), TOKEN_TTL_S);
    const tokens: string[] = [];
    for (const { userId, role } of people)
      tokens.push((await issue({ userId, role, sessionId: userId })).token);
    return tokens;
  } finally {
    await database.close();
  }
}
