import type { LabelTable } from './label-table.ts';
import type { LabelParameter, LookupParameter } from './search-index.ts';

/** A value asked for; a system that is undefined matches any. */
export interface Wanted {
  readonly system: string | undefined;
  readonly value: string;
}

/** One search parameter as given: any of its values will do. */
export type Criterion =
  | { readonly kind: 'label'; readonly parameter: LabelParameter; readonly anyOf: readonly Wanted[] }
  | { readonly kind: 'lookup'; readonly parameter: LookupParameter; readonly anyOf: readonly Wanted[] }
  | { readonly kind: 'id'; readonly anyOf: readonly Wanted[] };

/** All must hold. */
export type Criteria = readonly Criterion[];

/**
 * The FROM and WHERE of a search over `current`.
 *
 * @returns undefined when no resource can match
 */
export function findStatement(
  type: string,
  criteria: Criteria,
  labels: LabelTable,
): { readonly from: string; readonly values: readonly string[] } | undefined {
  const conditions = ['current.type = ?', 'current.deleted = 0'];
  const values = [type];
  const labelCriteria = criteria.filter((criterion) => criterion.kind === 'label');
  if (labelCriteria.length > 0) {
    const keys = labels.matching((combination) =>
      labelCriteria.every(({ parameter, anyOf }) =>
        anyOf.some(({ system, value }) =>
          combination[parameter].some(
            (token) => token.value === value && (system === undefined || token.system === system),
          ),
        ),
      ),
    );
    if (keys.length === 0) return undefined;
    conditions.push('current.labels IN (SELECT value FROM json_each(?))');
    values.push(JSON.stringify(keys));
  }
  for (const criterion of criteria) {
    switch (criterion.kind) {
      case 'label':
        break;
      case 'id':
        conditions.push('current.id IN (SELECT value FROM json_each(?))');
        values.push(JSON.stringify(criterion.anyOf.map(({ value }) => value)));
        break;
      case 'lookup':
        conditions.push(`current.id IN (
          SELECT lookups.id FROM json_each(?) AS wanted CROSS JOIN lookups
          ON lookups.value = wanted.value ->> 'value' AND lookups.parameter = ? AND lookups.type = ?
          AND (wanted.value ->> 'system' IS NULL OR lookups.system = wanted.value ->> 'system'))`);
        values.push(JSON.stringify(criterion.anyOf), criterion.parameter, type);
        break;
    }
  }
  return { from: `current WHERE ${conditions.join(' AND ')}`, values };
}
