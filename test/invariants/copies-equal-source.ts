import type { Invariant } from './invariant.ts';

interface Row {
  readonly id: string;
  readonly version: string;
  readonly name: string | null;
}

/** What the order service keeps of users and products is what they are. */
export const copiesEqualSource: Invariant = {
  name: 'copies = source',
  async violations({ user, product, order }) {
    const read = async (client: typeof user, text: string) =>
      new Map(
        (await client.query<Row>(text)).rows.map(({ id, version, name }) => [id, `${version} ${name}`]),
      );
    const pairs = [
      [
        await read(user, 'select id, version, display_name as name from users'),
        await read(order, 'select id, version, name from user_copies'),
      ],
      [
        await read(
          product,
          'select id, version, case when deleted_at is null then name end as name from products',
        ),
        await read(order, 'select id, version, name from product_copies'),
      ],
    ] as const;
    return pairs.flatMap(([source, copies]) =>
      [...new Set([...source.keys(), ...copies.keys()])]
        .filter((id) => source.get(id) !== copies.get(id))
        // A deleted account that was never seen alive has no copy, or one without a name.
        .map((id) => `${id} is ${source.get(id)}, and its copy ${copies.get(id)}`),
    );
  },
};
