import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it, test } from '@jest/globals';
import { dev } from '../support/environments/dev.ts';
import { grantsOf } from '../../local/iam/evaluate.ts';
import { parsePolicy } from '../../local/iam/policy.ts';
import { parseMeshCredentials } from '../../shared/mesh/credentials.ts';
import { estimateCommand } from '../../ops/estimate/estimate-command.ts';

let page: string;

beforeAll(async () => {
  page = await readFile(join(import.meta.dirname, '../../docs/deploy.md'), 'utf8');
});

it('explains every field of an environment', () => {
  const explained = page.slice(page.indexOf('| field | is |'), page.indexOf('Then `npm run synth`'));
  const fhir = { ...dev.fhir, createStore: { name: 'ndop-dev' }, consentBaseUrl: dev.fhir.baseUrl };
  const missing = Object.entries({ ...dev, fhir }).flatMap(([group, fields]) =>
    typeof fields !== 'object' || explained.includes(`${group}.*`)
      ? [group].filter((field) => typeof fields !== 'object' && !explained.includes(`\`${field}\``))
      : Object.keys(fields).filter((field) => !new RegExp(`\`(?:${group}\\.)?${field}\``).test(explained)),
  );
  expect(missing).toEqual([]);
});

it('shows the shape of the MESH secret', () => {
  const secret = JSON.parse(/```json\n(\{\n {2}"password"[^`]*)```/.exec(page)![1]!) as object;
  expect(Object.keys(secret).sort()).toEqual(['caBundle', 'clientCertificate', 'clientKey', 'password', 'sharedKey']);
  expect(parseMeshCredentials(secret, 'http://127.0.0.1')).toEqual(secret);
});

it('names the region in every command whose service has regions', () => {
  const shell = [...page.matchAll(/```sh\n([^`]*)```/g)].map(([, block]) => block!.replaceAll('\\\n', ' ')).join('\n');
  const commands = shell.split('\n').filter((line) => /(?:^|\()\s*aws (?!iam )/.test(line));
  expect(commands.length).toBeGreaterThan(10);
  expect(commands.filter((line) => !line.includes('--region eu-west-2'))).toEqual([]);
});

/** Dollars of the two columns, without what the FHIR store and the Consents in it cost a month. */
function sums(args: string): { first: string; run: string; storage: number } {
  const figures = JSON.parse(estimateCommand([...args.split(' '), '--json'])) as Record<
    'first' | 'regular',
    { dollars: Record<string, number> }
  >;
  const monthly = ['HealthLake store, a month', 'HealthLake storage of Consents, a month'] as const;
  const sum = (dollars: Record<string, number>) =>
    Object.entries(dollars)
      .filter(([name]) => !monthly.some((one) => one === name))
      .reduce((total, [, value]) => total + value, 0)
      .toFixed(2);
  const { first, regular } = figures;
  return { first: sum(first.dollars), run: sum(regular.dollars), storage: regular.dollars[monthly[1]]! };
}

test.each([
  { people: '10,000 people', args: '--patients 10000' },
  { people: 'a million people', args: '--patients 1000000' },
  { people: 'sixty million', args: '--patients 60000000 --part-rows 500000 --cohort export' },
])('says what $people cost as the command does', ({ people, args }) => {
  const { first, run } = sums(args);
  const lines = page.split('\n');
  const at = lines.findIndex((line) => line.startsWith(`| ${people}: first load`));
  expect(lines[at]).toContain(`| ${first} | \`npm run ops -- estimate ${args}\``);
  expect(lines[at + 1]).toContain(`| ${run} |`);
});

it('says what an idle month costs, and what consumers of sixty million store, as the command does', () => {
  const all = /\| all \| \| \| ([\d.]+) \|/.exec(estimateCommand(['--idle']))![1]!;
  expect(page).toContain(`| ${all} | \`npm run ops -- estimate --idle\``);
  const { storage } = sums('--patients 60000000 --part-rows 500000 --cohort export');
  expect(page).toContain(`storage of Consents beyond 10 GB, a month | ${storage.toFixed(2)} |`);
});

it('says what a million calls of the NOOM API cost, as the command does', () => {
  const all = /\| all \| \| \| ([\d.]+) \|/.exec(estimateCommand(['--noom-calls', '1000000']))![1]!;
  expect(page).toContain(`| ${all} | \`npm run ops -- estimate --noom-calls 1000000\``);
});

it('explains every way to let callers into the NOOM API, and shows a policy that is one', () => {
  const explained = page.slice(page.indexOf('| field | is |'), page.indexOf('Then `npm run synth`'));
  for (const field of [...Object.keys(dev.noom), 'baseUrl', 'isGatewayUrlClosed', 'issuer', 'audience', 'scopes']) {
    expect({ field, isExplained: explained.includes(field) }).toEqual({ field, isExplained: true });
  }
  const [, policy = ''] = /```json\n(\{\n {2}"Version"[^`]*ReadPreferences[^`]*)```/.exec(page) ?? [];
  const statements = parsePolicy(JSON.parse(policy));
  const call = (resource: string) => ({
    action: 'execute-api:Invoke',
    resource: `arn:aws:execute-api:eu-west-2:ACCOUNT:API/$default/${resource}`,
  });
  const allowed = ['GET/metadata', 'GET/Consent/1/_history', 'POST/Consent/_search', 'POST/Consent', 'PUT/Consent/1'];
  expect(allowed.filter((each) => grantsOf(statements, call(each)).length > 0)).toEqual(allowed.slice(0, 3));
});
