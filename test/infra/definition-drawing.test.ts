import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, test } from '@jest/globals';
import { drawing, otherErrors } from '../../local/draw/drawing.ts';
import { drawnPage, page } from '../../local/draw/drawn-page.ts';
import { parseDefinition } from '../../local/step-functions/definition.ts';
import { root } from './definitions.ts';

it('is drawn as it is deployed: where this fails, call npm run draw and commit what it writes', async () => {
  expect(await readFile(join(root, page), 'utf8')).toBe(await drawnPage(root));
}, 240_000);

const definition = {
  QueryLanguage: 'JSONata',
  StartAt: 'Any "left"?',
  States: {
    'Any "left"?': {
      Type: 'Choice',
      Choices: [{ Condition: '{% $count($left) > 0 %}', Next: 'Ask all' }],
      Default: 'Done',
    },
    'Ask all': {
      Type: 'Map',
      Items: '{% $left %}',
      ItemProcessor: {
        StartAt: 'Ask',
        States: {
          Ask: {
            Type: 'Task',
            Resource: 'arn:aws:lambda:eu-west-2:000000000000:function:Ask',
            Catch: [{ ErrorEquals: ['A', 'B', 'C', 'D'], Next: 'Not asked' }],
            End: true,
          },
          'Not asked': { Type: 'Fail' },
        },
      },
      Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Done' }],
      Next: 'Pause',
    },
    Pause: { Type: 'Wait', Seconds: 1, Next: 'Any "left"?' },
    Done: { Type: 'Succeed' },
  },
};

test('a drawing has every state by its kind and every way with its condition', () => {
  expect(drawing(parseDefinition(definition)).split('\n')).toEqual([
    'flowchart TD',
    `  s0{"Any 'left'?"}`,
    '  s0 -->|"count(left) &gt; 0"| s1',
    '  s0 -->|"otherwise"| s3',
    '  subgraph s1["Map: Ask all<br/>each of left"]',
    '    s1in((start)) --> s1s0',
    '    s1s0["Task: Ask"]',
    '    s1s0 -.->|"A, B and 2 more"| s1s1',
    '    s1s1(["Fail: Not asked"]):::fail',
    '  end',
    '  s1 --> s2',
    '  s1 -.->|"any error"| s3',
    '  s2[/"Wait: Pause"/]:::wait',
    '  s2 --> s0',
    '  s3(["Succeed: Done"])',
    '  classDef fail stroke-dasharray: 4 4',
    '  classDef wait fill:#f6f1dd,stroke:#b59b3b,color:#000',
  ]);
});

test('the way of most errors is named, and not drawn', () => {
  const caught = { ErrorEquals: ['States.ALL'], Next: 'Failed' };
  const task = (more: object) => ({
    Type: 'Task',
    Resource: 'arn:aws:lambda:eu-west-2:000000000000:function:Do',
    ...more,
  });
  const states = parseDefinition({
    QueryLanguage: 'JSONata',
    StartAt: 'One',
    States: {
      One: task({ Catch: [caught], Next: 'Two' }),
      Two: task({ Catch: [{ ErrorEquals: ['A'], Next: 'One' }, caught], Next: 'Three' }),
      Three: task({ Catch: [{ ErrorEquals: ['States.ALL'], Next: 'One' }], End: true }),
      Failed: { Type: 'Fail' },
    },
  });
  expect(otherErrors(states)).toBe('Failed');
  expect(
    drawing(states)
      .split('\n')
      .filter((line) => line.includes('-.->')),
  ).toEqual(['  s1 -.->|"A"| s0', '  s2 -.->|"any error"| s0']);
});
