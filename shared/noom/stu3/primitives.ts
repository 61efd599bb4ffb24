/** How a primitive type stands in JSON, and what its text must look like. */
interface Primitive {
  readonly json: 'string' | 'boolean' | 'number';
  readonly form: RegExp;
  /** What a form can't tell: whether there is such a day. */
  readonly isReal?: (text: string) => boolean;
}

/** The day of a date or time of FHIR is in the calendar. */
function isDay(text: string): boolean {
  const [, date] = /^(\d{4}-\d\d-\d\d)/.exec(text) ?? [];
  if (date === undefined) return true;
  const midnight = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date);
}

const year = String.raw`[0-9]{4}`;
const month = String.raw`(0[1-9]|1[0-2])`;
const day = String.raw`(0[1-9]|[12][0-9]|3[01])`;
const time = String.raw`([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?`;
const zone = String.raw`(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))`;

/** Blanks alone are no value. */
const text = /\S/;
const visible = /^\S+$/;

/** Source: FHIR STU3, "Data Types", with the regular expressions given there; hour 24 is none. */
export const primitives: Readonly<Record<string, Primitive>> = {
  boolean: { json: 'boolean', form: /^(true|false)$/ },
  unsignedInt: { json: 'number', form: /^(0|[1-9][0-9]{0,9})$/ },
  string: { json: 'string', form: text },
  markdown: { json: 'string', form: text },
  code: { json: 'string', form: /^\S+( \S+)*$/ },
  id: { json: 'string', form: /^[A-Za-z0-9\-.]{1,64}$/ },
  uri: { json: 'string', form: visible },
  base64Binary: { json: 'string', form: /^(\s*[0-9a-zA-Z+/=]){4,}\s*$/ },
  instant: { json: 'string', form: new RegExp(`^${year}-${month}-${day}T${time}${zone}$`), isReal: isDay },
  dateTime: { json: 'string', form: new RegExp(`^${year}(-${month}(-${day}(T${time}${zone})?)?)?$`), isReal: isDay },
  xhtml: { json: 'string', form: text },
};

/** What XML has no way to write, so that FHIR has it in no format: control characters and halves of pairs. Source: XML 1.0, 2.2. */
const unwritable = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

/** Whether a JSON value is one of a primitive type. */
export function isPrimitive({ json, form, isReal }: Primitive, value: unknown): boolean {
  const text = String(value);
  return typeof value === json && form.test(text) && !unwritable.test(text) && isReal?.(text) !== false;
}
