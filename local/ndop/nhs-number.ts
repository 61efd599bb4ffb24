/** Check digit of nine digits by Modulus 11; undefined where the sum leaves 10, for which there is no digit. */
function checkDigit(nineDigits: string): number | undefined {
  let sum = 0;
  for (let place = 0; place < 9; place += 1) sum += Number(nineDigits[place]) * (10 - place);
  const check = 11 - (sum % 11);
  if (check === 10) return undefined;
  return check === 11 ? 0 : check;
}

/** Ten digits of which the last is right. Ranges are not looked at: the service is said to take Scottish numbers too. */
export function isValidNhsNumber(text: string): boolean {
  return /^\d{10}$/.test(text) && checkDigit(text.slice(0, 9)) === Number(text[9]);
}

/** A valid number of the 999 range, which no person has, that is not among those given. */
export function numberOutside(taken: ReadonlySet<string>): string {
  for (let body = 999_000_000; body <= 999_999_999; body += 1) {
    const nhsNumber = `${body}${checkDigit(String(body)) ?? ''}`;
    if (nhsNumber.length === 10 && !taken.has(nhsNumber)) return nhsNumber;
  }
  throw new Error('Every number of the 999 range was asked about');
}
