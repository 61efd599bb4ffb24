import { isFullDate, isInstant } from './primitives.ts';
import { badRequest } from './refused.ts';

/** Times that a search by date asks for, in milliseconds since 1970: from the first on, before the second. */
export interface DateRange {
  readonly from: number;
  readonly before: number;
}

/**
 * A search value of type date: a year, month, day or moment, which stands for all of itself, with a prefix or none.
 * Source: FHIR R4, "Search", date.
 *
 * @throws Refused
 */
export function parseDateRange(value: string): DateRange {
  const [, prefix = 'eq', text = ''] = /^(eq|ge|gt|le|lt)?(\d.*)$/.exec(value) ?? [];
  const span = spanOf(text);
  if (!span) throw badRequest('A date must be a date with or without a time, after eq, ge, gt, le, lt or nothing');
  switch (prefix) {
    case 'ge':
      return { from: span.from, before: Infinity };
    case 'gt':
      return { from: span.before, before: Infinity };
    case 'le':
      return { from: -Infinity, before: span.before };
    case 'lt':
      return { from: -Infinity, before: span.from };
    default:
      return span;
  }
}

function spanOf(text: string): DateRange | undefined {
  if (isInstant(text)) {
    const from = Date.parse(text);
    return { from, before: from + (text.includes('.') ? 1 : 1000) };
  }
  const [year = '', month = '01', day = '01'] = text.split('-');
  if (!isFullDate(`${year}-${month}-${day}`)) return undefined;
  const [y, m, d] = [Number(year), Number(month) - 1, Number(day)];
  const parts = text.split('-').length;
  return {
    from: Date.UTC(y, m, d),
    before: parts === 1 ? Date.UTC(y + 1) : parts === 2 ? Date.UTC(y, m + 1) : Date.UTC(y, m, d + 1),
  };
}
