// x509's container of algorithms needs it loaded first.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { spiffeId, TRUST_DOMAIN, type Workload } from './spiffe.ts';

/** A certificate with its key, both as PEM. */
export interface Credential {
  readonly certificate: string;
  readonly key: string;
  readonly notAfter: Date;
}

/** Vouches for the identities of one mesh. Its key is in memory alone, and gone with the process. */
export interface Authority {
  /** The certificate by which all others are checked, as PEM. */
  readonly root: string;
  /** Makes a certificate for a workload, good for both sides of mTLS, from a minute ago until `lifetimeMs` from now. */
  issue(workload: Workload, lifetimeMs: number): Promise<Credential>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const ROOT_LIFETIME_MS = 365 * 24 * 60 * 60 * 1000;
/** Clocks of one machine agree; a certificate still isn't "not yet valid" to whoever reads the time a little earlier. */
const BACKDATED_MS = 60_000;

/** Makes an authority with a new key. */
export async function createAuthority(): Promise<Authority> {
  const keys = await generateKeys();
  const root = await X509CertificateGenerator.createSelfSigned({
    name: `O=${TRUST_DOMAIN}, CN=Souk's local mesh`,
    keys,
    ...validity(ROOT_LIFETIME_MS),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      new SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${TRUST_DOMAIN}` }]),
    ],
  });

  return {
    root: root.toString('pem'),
    async issue(workload, lifetimeMs) {
      const own = await generateKeys();
      const times = validity(lifetimeMs);
      const certificate = await X509CertificateGenerator.create({
        issuer: root.subject,
        subject: `O=${TRUST_DOMAIN}, CN=${workload}`,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        ...times,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
          new SubjectAlternativeNameExtension([{ type: 'url', value: spiffeId(workload) }], true),
        ],
      });
      return {
        certificate: certificate.toString('pem'),
        key: await privatePem(own.privateKey),
        notAfter: times.notAfter,
      };
    },
  };
}

const validity = (lifetimeMs: number) => ({
  notBefore: new Date(Date.now() - BACKDATED_MS),
  notAfter: new Date(Date.now() + lifetimeMs),
});

const generateKeys = () =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}
