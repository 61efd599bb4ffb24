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

it('refers to an alias of a function by the ARN that it qualifies', () => {
  const stack = parseTemplate(
    'local-noom',
    JSON.stringify({
      Resources: {
        Noom: { Type: 'AWS::Lambda::Function' },
        Live: { Type: 'AWS::Lambda::Alias', Properties: { FunctionName: { Ref: 'Noom' }, Name: 'live' } },
      },
    }),
  );
  const resolver = new TemplateResolver([stack], { account: '000000000000', region: 'eu-west-2' });
  expect(resolver.resolve({ Ref: 'Live' }, stack)).toBe('arn:aws:lambda:eu-west-2:000000000000:function:Noom:live');
});
