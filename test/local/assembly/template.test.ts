import { expect, it } from '@jest/globals';
import { parseTemplate, TemplateResolver } from '../../../local/assembly/template.ts';

it('refers to a published version of a function by its qualified ARN', () => {
  const stack = parseTemplate(
    'local-pipeline',
    JSON.stringify({
      Resources: {
        OpenRun: { Type: 'AWS::Lambda::Function' },
        OpenRunVersion: { Type: 'AWS::Lambda::Version', Properties: { FunctionName: { Ref: 'OpenRun' } } },
      },
    }),
  );
  const resolver = new TemplateResolver([stack], { account: '000000000000', region: 'eu-west-2' });
  expect(resolver.resolve({ Ref: 'OpenRunVersion' }, stack)).toBe(
    'arn:aws:lambda:eu-west-2:000000000000:function:OpenRun:1',
  );
});
