import {
  create,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { DomainError, fail } from '../errors.ts';
import { compileListLimits } from './list-limits.ts';

const validator = createValidator();
// Stops at the first violation: what an invalid message costs must not grow with its size.
const quickValidator = createValidator({ failFast: true });
/** Up to this many bytes, all violations of a message are told, not only the first. */
const FULL_REPORT_BYTES = 8_192;

/**
 * Decodes and validates a request. Throws INVALID_ARGUMENT: reason MESSAGE_MALFORMED for bytes that are no such
 * message (truncated, or text that is not UTF-8), or REQUEST_INVALID with the violations of the contract's rules.
 */
export function decodeRequest<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): Message {
  let message: Message;
  try {
    message = fromBinary(schema, bytes);
  } catch (cause) {
    throw fail(
      'INVALID_ARGUMENT',
      'MESSAGE_MALFORMED',
      `The bytes sent are not a valid ${schema.typeName}.`,
      { cause },
    );
  }
  validate(schema, message, bytes.length);
  return message;
}

function validate(schema: DescMessage, message: Message, size: number): void {
  compileListLimits(schema)(message);
  const quick = quickValidator.validate(schema, message as never);
  if (quick.kind === 'valid') return;
  if (quick.kind === 'error') throw quick.error;
  const full = size <= FULL_REPORT_BYTES ? validator.validate(schema, message as never) : quick;
  const violations = (full.violations ?? quick.violations).map((violation) => ({
    field: pathToString(violation.field),
    description: violation.message,
  }));
  const [first] = violations;
  const where = first?.field ? `${first.field}: ` : '';
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  throw new DomainError('INVALID_ARGUMENT', 'REQUEST_INVALID', `${where}${first?.description}${more}`, {
    violations,
  });
}

/**
 * Compiles the schema's rules now and not with the first call. Throws when a rule can't be compiled. The
 * validator of full reports is left to the first message that is refused: compiling costs start-up time.
 */
export function warmValidator(schema: DescMessage): void {
  const result = quickValidator.validate(schema, create(schema) as never);
  if (result.kind === 'error') throw result.error;
}

/** Serializes a response. Throws what protobuf-es throws when a value does not fit its field. */
export function encodeResponse(schema: DescMessage, response: MessageInitShape<DescMessage>): Buffer {
  const bytes = toBinary(schema, create(schema, response));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
