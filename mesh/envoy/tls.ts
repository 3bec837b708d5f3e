import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { IdentityFiles } from '../identity/certificates.ts';
import { spiffeId, TRUST_DOMAIN } from '../identity/spiffe.ts';
import { type Resource, typed } from './resource.ts';

/** As a minimum alone it would be no maximum: upstream, Envoy's own is 1.2. */
const onlyTls13 = { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' };

const SECRET = 'identity';

/** The file that names certificate and key to Envoy. Only what is named by such a file is read again at a change. */
export const secretFile = ({ folder }: IdentityFiles): string => join(folder, 'envoy-secret.json');

/** Writes {@link secretFile}; to be called before an Envoy starts with the identity. */
export function writeSecretFile(identity: IdentityFiles): void {
  writeSecret(secretFile(identity), identity);
}

function writeSecret(file: string, { folder, certificate, key }: Omit<IdentityFiles, 'root'>): void {
  const secret = typed('envoy.extensions.transport_sockets.tls.v3.Secret', {
    name: SECRET,
    tls_certificate: {
      certificate_chain: { filename: certificate },
      private_key: { filename: key },
      watched_directory: { path: folder },
    },
  });
  writeFileSync(file, JSON.stringify({ resources: [secret] }));
}

/** A certificate that strangers know a server by, and its key, as files that may be exchanged by rename. */
export interface ServerCertificate {
  readonly certificate: string;
  readonly key: string;
}

/**
 * TLS 1.2 or 1.3 for strangers.
 *
 * @param file is written: it names the certificate to Envoy, which reads it again when a file is renamed in its folder
 */
export function serverTls({ certificate, key }: ServerCertificate, file: string): Resource {
  writeSecret(file, { folder: dirname(certificate), certificate, key });
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: typed('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
        alpn_protocols: ['h2', 'http/1.1'],
        ...certificateFrom(file),
      },
    }),
  };
}

/** A certificate that is read again when it changes. */
const certificateFrom = (file: string): Resource => ({
  tls_certificate_sds_secret_configs: [
    { name: SECRET, sds_config: { resource_api_version: 'V3', path_config_source: { path: file } } },
  ],
});

/** Takes calls over mTLS from workloads of the mesh, whoever they are: what each may do is the RBAC filter's. */
export function inboundTls(identity: IdentityFiles): Resource {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: typed('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
      require_client_certificate: true,
      // A resumed session would outlive the certificate that it began with.
      disable_stateless_session_resumption: true,
      disable_stateful_session_resumption: true,
      common_tls_context: {
        ...common(identity),
        validation_context: validation(identity, { prefix: `spiffe://${TRUST_DOMAIN}/` }),
      },
    }),
  };
}

/** Calls a service over mTLS, and nobody else who might answer at its address. */
export function outboundTls(identity: IdentityFiles, service: string): Resource {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: typed('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      common_tls_context: {
        ...common(identity),
        validation_context: validation(identity, { exact: spiffeId(service) }),
      },
    }),
  };
}

function common(identity: IdentityFiles): Resource {
  return {
    tls_params: onlyTls13,
    alpn_protocols: ['h2'],
    ...certificateFrom(secretFile(identity)),
  };
}

function validation({ root }: IdentityFiles, name: Resource): Resource {
  return {
    trusted_ca: { filename: root },
    match_typed_subject_alt_names: [{ san_type: 'URI', matcher: name }],
  };
}
