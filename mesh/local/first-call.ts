import { addressLines, hostsOf, WITHOUT_MESH, type Wiring } from './wiring.ts';

/** What a person who has just started a shop wants to know. */
export function welcome(gatewayPort: number, logs: string): string {
  const address = `127.0.0.1:${gatewayPort}`;
  return `
Souk serves gRPC, gRPC-Web and JSON on ${address}

  A first call:
    npx buf curl --protocol grpc --http2-prior-knowledge -d '{"page_size": 3}' \\
      http://${address}/shop.product.v1.ProductService/ListProducts
  The same by grpcurl and by curl:
    grpcurl -plaintext -d '{"page_size": 3}' ${address} shop.product.v1.ProductService/ListProducts
    curl -s -H 'content-type: application/json' -d '{"pageSize": 3}' \\
      http://${address}/shop.product.v1.ProductService/ListProducts

  1,000 products and an admin: make seed     What runs: make status
  Logs: ${logs} (make logs SERVICE=order)
`;
}

/** The same of a shop without a mesh. */
export function welcomeDirectly(addresses: Wiring['addresses'], logs: string): string {
  const [product] = hostsOf(addresses.product);
  return `
Souk runs ${WITHOUT_MESH}

  ${addressLines(addresses).join('\n  ')}

  A first call:
    npx buf curl --protocol grpc --http2-prior-knowledge -d '{"page_size": 3}' \\
      http://${product}/shop.product.v1.ProductService/ListProducts

  1,000 products and an admin: make seed     What runs: make status
  Logs: ${logs} (make logs SERVICE=order)
`;
}
