import { StringDecoder } from 'node:string_decoder';

/**
 * Takes over what is written to a stream and hands it on line by line, at the moment of writing. Consoles write to
 * their stream too, so this covers them, whoever made them.
 *
 * @returns hands on what is left without a line end
 */
export function captureLines(stream: NodeJS.WriteStream, onLine: (line: string) => void): () => void {
  const decoder = new StringDecoder('utf8');
  let rest = '';

  stream.write = (
    chunk: string | Uint8Array,
    encodingOrDone?: BufferEncoding | ((error?: Error | null) => void),
    done?: (error?: Error | null) => void,
  ): boolean => {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk)))).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    const finished = typeof encodingOrDone === 'function' ? encodingOrDone : done;
    if (finished) process.nextTick(finished);
    return true;
  };

  return () => {
    if (rest !== '') onLine(rest);
    rest = '';
  };
}
