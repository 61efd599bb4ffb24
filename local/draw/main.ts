import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawnPage, page } from './drawn-page.ts';

const root = join(import.meta.dirname, '../..');
await writeFile(join(root, page), await drawnPage(root));
process.stdout.write(`Drawn: ${page}\n`);
