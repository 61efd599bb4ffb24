/** The LF-ended lines of one of our own UTF-8 files, without their ends. */
export async function* readLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

const lineFeed = 0x0a;

/** The same file in buffers of whole lines, each with its LF; only the last buffer may end without one. */
export async function* readWholeLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of body) {
    const end = chunk.lastIndexOf(lineFeed) + 1;
    const head = chunk.subarray(0, end);
    if (end > 0) yield rest.length === 0 ? head : Buffer.concat([rest, head]);
    const tail = chunk.subarray(end);
    rest = end > 0 || rest.length === 0 ? tail : Buffer.concat([rest, tail]);
  }
  if (rest.length > 0) yield rest;
}
