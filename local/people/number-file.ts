import { readFile } from 'node:fs/promises';
import { UsageError } from '../../shared/command-line.ts';

/**
 * Reads the file of an option that names people: one NHS number a line, a comma behind it or not; `#` begins a remark.
 *
 * @throws UsageError where the file cannot be read or a line is not ten digits
 */
export async function readNhsNumbers(option: string, path: string): Promise<ReadonlySet<string>> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new UsageError(`${option}: there is no file ${path}`);
  });
  const numbers = new Set<string>();
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    const value = line.replace(/#.*/, '').replace(/[\s,-]/g, '');
    if (value === '') continue;
    if (!/^[0-9]{10}$/.test(value)) throw new UsageError(`${option} ${path}: line ${index + 1} is not ten digits`);
    numbers.add(value);
  }
  return numbers;
}
