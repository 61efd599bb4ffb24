import { SaxesParser } from 'saxes';
import { xhtmlNamespace } from './xml-writer.ts';

/** Formatting alone: nothing that runs, loads or asks for something. Source: FHIR STU3, "Narrative". */
const elements = new Set(
  `a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre
   q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var`.split(/\s+/),
);
const attributes = new Set(
  'abbr align class colspan dir headers href id lang name rowspan scope title valign xml:lang xmlns'.split(' '),
);

/** Whether a text is a `div` of well-formed XHTML that holds formatting alone. */
export function isNarrative(text: string): boolean {
  const read = { isFormatting: true, depth: 0 };
  const parser = new SaxesParser({ xmlns: true });
  const refuse = () => {
    read.isFormatting = false;
  };
  for (const event of ['error', 'xmldecl', 'doctype', 'processinginstruction'] as const) parser.on(event, refuse);
  parser.on('opentag', ({ name, uri, attributes: given }) => {
    read.depth += 1;
    if (uri !== xhtmlNamespace || !elements.has(name) || (read.depth === 1 && name !== 'div')) refuse();
    for (const { name: attribute, value } of Object.values(given)) {
      if (!attributes.has(attribute) || (attribute === 'href' && !/^(https?:|#)/.test(value))) refuse();
    }
  });
  parser.write(text).close();
  return read.isFormatting && read.depth > 0;
}
