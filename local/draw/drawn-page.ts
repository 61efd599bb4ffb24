import { readDeployment } from '../assembly/deployment.ts';
import { synthesize } from '../assembly/synthesize.ts';
import { parseDefinition } from '../step-functions/definition.ts';
import { drawing, otherErrors } from './drawing.ts';

/** Where the drawing is kept, from the root of the project. */
export const page = 'docs/state-machines.md';

/** Both state machines, drawn from what is synthesized: what is deployed, and no more. */
export async function drawnPage(root: string): Promise<string> {
  const { directory } = await synthesize(root);
  const { stateMachine, drainStateMachine } = await readDeployment(directory);
  return [
    '# The state machines, drawn',
    '',
    'Complete: every state and every way of the deployed definitions. Made by `npm run draw` from what is synthesized, and never by',
    'hand; a test fails where this page is out of date. [Architecture](architecture.md) has the overview and says why.',
    '',
    'A box is a Task or a Pass, a rhombus a Choice, a slanted box a Wait, a rounded one an end (dashed: a failure), a frame a Map',
    'with what runs for each of its items. A way says what is asked there; a dotted way says which errors are caught.',
    '',
    ...section('Refresh consents', stateMachine.definition),
    '',
    ...section('Drain the mailbox', drainStateMachine.definition),
    '',
  ].join('\n');
}

function section(title: string, definition: unknown): string[] {
  const states = parseDefinition(definition);
  const end = otherErrors(states);
  return [
    ...[`## ${title}`, ''],
    ...(end === undefined ? [] : [`Any error of a Task or Map that no dotted way takes leads to *${end}*.`, '']),
    ...['```mermaid', drawing(states), '```'],
  ];
}
