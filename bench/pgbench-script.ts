import { BinaryArray } from '../platform/db/arrays.ts';
import { CUSTOMERS, PRODUCTS } from './fixture.ts';
import { meaningOf, orderStatements, type Recorded, STEPS } from './statements.ts';

/**
 * One order after the other, as pgbench runs it: the services' own statements, each in its own commit, with one branch
 * where the services send many. The order's ids come along with the first, so that they cost no statement of their own.
 */
export async function orderScript(): Promise<string> {
  const { read, ...rest } = await orderStatements();
  const id = (n: string) => `('00000000-0000-7000-8000-' || lpad(:${n}::text, 12, '0'))::uuid`;
  const offer = inScript(read).replaceAll(':product::uuid', id('product_number'));
  return [
    `\\set product_number random(1, ${PRODUCTS})`,
    `\\set user_number random(1, ${CUSTOMERS})`,
    'select uuidv7() as transaction, uuidv7() as order, gen_random_uuid() as request,',
    `  ${id('user_number')} as user, ${id('product_number')} as product, offer.price`,
    `from (${offer}) offer \\gset`,
    ...STEPS.filter((step) => step !== 'read').map((step) => `${inScript(rest[step])};`),
  ].join('\n');
}

/** The statement with its values, or pgbench's variables, in their places. */
function inScript({ text, values }: Recorded): string {
  return text.replaceAll(/\$(\d+)/g, (_, n) => expression(values[Number(n) - 1]));
}

function expression(value: unknown): string {
  if (value instanceof BinaryArray) return expression(value.elements);
  if (Array.isArray(value)) return `array[${value.map(expression).join(', ')}]`;
  if (value instanceof Uint8Array) return `'\\x${Buffer.from(value).toString('hex')}'::bytea`;
  const meaning = meaningOf(value);
  if (meaning === 'new id') return 'uuidv7()';
  if (meaning !== 'itself') return `:${meaning.id}::uuid`;
  if (typeof value !== 'string') return String(value);
  // pgbench would take a colon before a letter for a variable, in texts too.
  return `'${value.replaceAll("'", "''").replaceAll(/:(?=\w)/g, ': ')}'::text`;
}
