import { type DescField, type DescMessage, getOption, hasOption, type Message } from '@bufbuild/protobuf';
import { field as rules } from '@souk/contracts/buf/validate/validate_pb.js';
import { type DomainError, invalidField } from '../errors.ts';

/** Throws for the first list, in the message or below it, that is longer than its rules allow. */
export type ListLimits = (message: Message) => void;

const compiled = new Map<DescMessage, ListLimits>();
const none: ListLimits = () => {};

/**
 * The `repeated.max_items` rules of a message and of those in it, to be checked before all other rules: those
 * are evaluated in no given order, and a CEL expression over a list of many thousand items exhausts the stack.
 */
export function compileListLimits(schema: DescMessage): ListLimits {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  // A type that contains itself finds this entry.
  let check = none;
  compiled.set(schema, (message) => check(message));
  const checks = schema.fields.map(fieldCheck).filter((item) => item !== undefined);
  if (checks.length > 0) {
    check = (message) => {
      for (const item of checks) item(message as unknown as Record<string, unknown>);
    };
  } else {
    compiled.set(schema, none);
  }
  return compiled.get(schema) ?? none;
}

function fieldCheck(field: DescField): ((message: Record<string, unknown>) => void) | undefined {
  const { localName, name } = field;
  if (field.fieldKind === 'message' && field.oneof === undefined) {
    const below = compileListLimits(field.message);
    return below === none
      ? undefined
      : (message) => message[localName] && below(message[localName] as Message);
  }
  if (field.fieldKind !== 'list') return undefined;
  const most = maxItems(field);
  const below = field.listKind === 'message' ? compileListLimits(field.message) : none;
  if (most === undefined && below === none) return undefined;
  return (message) => {
    const list = message[localName] as Message[];
    if (most !== undefined && list.length > most) throw tooLong(name, most);
    if (below !== none) for (const item of list) below(item);
  };
}

function maxItems(field: DescField): number | undefined {
  if (!hasOption(field, rules)) return undefined;
  const { type } = getOption(field, rules);
  return type.case === 'repeated' && type.value.maxItems > 0n ? Number(type.value.maxItems) : undefined;
}

const tooLong = (name: string, most: number): DomainError =>
  invalidField(name, `must contain no more than ${most} item(s)`, 'REQUEST_INVALID');
