/**
 * Whether an object in a JSON text has the same member twice. `JSON.parse` takes the last of them, another reader the
 * first: whoever says both `active` and `inactive` has said neither.
 *
 * @param text that `JSON.parse` has taken
 */
export function hasRepeatedMembers(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  let last = '';
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':') {
      const names = open.at(-1);
      // As it reads once its escapes are resolved.
      const name = String(JSON.parse(last));
      if (names?.has(name)) return true;
      names?.add(name);
    } else last = token;
  }
  return false;
}
