import type { Databases } from '../invariants/databases.ts';

/**
 * Has the order service's database note each effect of a product's event, in the transaction of the effect: also one
 * that changes nothing, because a later one came first. To be called while the shop is quiet.
 */
export async function noteEffects({ order }: Databases): Promise<void> {
  await order.query(`
    create table chaos_effects (n bigint generated always as identity, subject uuid not null, version bigint not null);
    create function chaos_note() returns trigger language plpgsql as $$
    begin
      insert into chaos_effects (subject, version) values (new.id, new.version);
      return new;
    end $$;
    create trigger chaos_note before insert on product_copies for each row execute function chaos_note()`);
}

/** What came of it. */
export interface EffectOrder {
  readonly effects: number;
  /** Effects of a product's event that came again, or after that of a later one. One line each. */
  readonly violations: readonly string[];
}

/** Reads what was noted. Events of one batch are one effect, that of the last, so that versions may be left out. */
export async function readEffectOrder({ order }: Databases): Promise<EffectOrder> {
  const { rows: counted } = await order.query('select count(*)::integer as effects from chaos_effects');
  const { rows } = await order.query(`
    select * from (
      select subject, version, lag(version) over (partition by subject order by n) as before from chaos_effects
    ) as steps where before >= version`);
  return {
    effects: counted[0]?.effects ?? 0,
    violations: rows.map((row) => `product ${row.subject}: version ${row.version} after ${row.before}`),
  };
}
