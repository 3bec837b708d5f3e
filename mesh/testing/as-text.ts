/** A decoded protobuf message as JSON, to search in; its 64-bit numbers as text. */
export const asText = (message: unknown): string =>
  JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? String(value) : value));
