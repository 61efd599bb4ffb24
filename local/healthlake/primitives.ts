import { idForm } from './fhir.ts';

const time = '([01]\\d|2[0-3]):[0-5]\\d:([0-5]\\d|60)(\\.\\d+)?';
const zone = '(Z|[+-]((0\\d|1[0-3]):[0-5]\\d|14:00))';
const day = '(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])';

const instantForm = new RegExp(`^\\d{4}-${day}T${time}${zone}$`);
const fullDateForm = new RegExp(`^\\d{4}-${day}$`);
const partialDateForm = /^\d{4}(-(0[1-9]|1[0-2]))?$/;
const timeForm = new RegExp(`^${time}$`);

/** A date and time with its zone, on a day that the calendar has. */
export function isInstant(text: string): boolean {
  return instantForm.test(text) && isRealDay(text);
}

/** Year, month and day, on a day that the calendar has. */
export function isFullDate(text: string): boolean {
  return fullDateForm.test(text) && isRealDay(text);
}

/** Anything but white space alone, without control characters. Source: FHIR R4, data type `string`. */
export function isText(text: string): boolean {
  return /\S/.test(text) && !/[^\P{Cc}\t\r\n]/u.test(text);
}

export function isUri(text: string): boolean {
  return /^\S+$/.test(text);
}

/**
 * The forms of the FHIR R4 primitive types that JSON carries as strings. Source: FHIR R4, "Data Types".
 * They are needed beside the `fhir` package, whose own expressions are not anchored: it takes `2026-13-45` for a date.
 */
export const primitiveForms: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ['base64Binary', (text: string) => /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text)],
  ['canonical', isUri],
  ['code', (text: string) => /^[^\s]+(\s[^\s]+)*$/.test(text)],
  ['date', (text: string) => isFullDate(text) || partialDateForm.test(text)],
  ['dateTime', (text: string) => isInstant(text) || isFullDate(text) || partialDateForm.test(text)],
  ['id', (text: string) => idForm.test(text)],
  ['instant', isInstant],
  ['markdown', isText],
  ['oid', (text: string) => /^urn:oid:[0-2](\.(0|[1-9]\d*))+$/.test(text)],
  ['string', isText],
  ['time', (text: string) => timeForm.test(text)],
  ['uri', isUri],
  ['url', isUri],
  ['uuid', (text: string) => /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)],
  ['xhtml', (text: string) => text.startsWith('<div')],
]);

function isRealDay(text: string): boolean {
  const dayOfMonth = Number(text.slice(8, 10));
  if (dayOfMonth <= 28) return true;
  const date = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)) - 1, dayOfMonth));
  return date.getUTCDate() === dayOfMonth;
}
