/** The floor: reads the bytes that the pipeline reads, and does nothing with them. */
import { contend, filesOf } from '../contend.ts';
import { fileKind } from '../people/data-set.ts';
import { read } from '../read.ts';

await contend(async ({ data, args }) => {
  for (const kind of args) {
    for (const file of filesOf(data, fileKind.parse(kind))) {
      let bytes = 0;
      for await (const chunk of read(file)) bytes += chunk.length;
      if (bytes !== file.bytes) throw new Error(`${file.path} has ${bytes} bytes, not ${file.bytes}`);
    }
  }
});
