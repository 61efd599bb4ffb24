import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, test } from '@jest/globals';

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: { readonly ArnEquals?: Readonly<Record<string, string>> };
}
interface Resource {
  readonly Type: string;
  readonly Properties: {
    readonly AssumeRolePolicyDocument?: { readonly Statement: readonly Statement[] };
    readonly PolicyDocument?: { readonly Statement: readonly Statement[] };
    readonly Roles?: readonly { readonly Ref: string }[];
    readonly Environment?: { readonly Variables: Readonly<Record<string, unknown>> };
    readonly Role?: { readonly 'Fn::GetAtt': readonly string[] };
  };
}
interface Step {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Actions on HealthLake, by the data store that they are allowed on. */
  readonly rights: ReadonlyMap<string, readonly string[]>;
}

const arnOf = (store: string) => `arn:aws:healthlake:eu-west-2:111111111111:datastore/fhir/${store}`;
const [patients, consents] = [arnOf('patients'), arnOf('consents')];
let resources: [name: string, resource: Resource][];
let steps: Step[];

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ndop-synth-'));
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'separate-store-app.ts')], {
    env: { ...process.env, NODE_OPTIONS: '', CDK_OUTDIR: directory },
  });
  const stage = join(directory, 'assembly-dev');
  const file = (await readdir(stage)).find((name) => /pipeline.*\.template\.json$/.test(name)) ?? '';
  const template = JSON.parse(await readFile(join(stage, file), 'utf8')) as { Resources: Record<string, Resource> };
  await rm(directory, { recursive: true });
  resources = Object.entries(template.Resources);
  steps = resources.flatMap(([, { Properties }]) => {
    const name = Properties.Environment?.Variables.POWERTOOLS_SERVICE_NAME;
    const role = Properties.Role?.['Fn::GetAtt'][0] ?? '';
    return typeof name !== 'string'
      ? []
      : [{ name, settings: Properties.Environment?.Variables ?? {}, rights: rightsOf(role) }];
  });
}, 120_000);

function rightsOf(role: string): Map<string, string[]> {
  const rights = new Map<string, string[]>();
  for (const [, { Properties }] of resources) {
    if (Properties.Roles?.some(({ Ref }) => Ref === role) !== true) continue;
    for (const { Action, Resource } of Properties.PolicyDocument?.Statement ?? []) {
      const actions = [Action].flat().filter((action) => action.startsWith('healthlake:'));
      for (const store of actions.length > 0 ? [Resource].flat() : []) {
        rights.set(String(store), [...(rights.get(String(store)) ?? []), ...actions]);
      }
    }
  }
  return rights;
}

const namesOf = (found: readonly Step[]) => found.map(({ name }) => name).sort();

describe('an environment whose Consents have a store of their own', () => {
  it('gives every step rights on one of the two data stores at most: on the one that its settings name', () => {
    expect(steps.length).toBeGreaterThan(15);
    const both = steps.filter(({ rights }) => rights.size > 1);
    expect(namesOf(both)).toEqual([]);
    for (const { name, settings, rights } of steps) {
      const named = [
        ...(settings.FHIR_BASE_URL === undefined ? [] : [patients]),
        ...(settings.CONSENT_BASE_URL === undefined ? [] : [consents]),
      ];
      expect({ name, strange: [...rights.keys()].filter((store) => !named.includes(store)) }).toEqual({
        name,
        strange: [],
      });
    }
  });

  test.each([
    { setting: 'FHIR_BASE_URL', store: 'patients' },
    { setting: 'CONSENT_BASE_URL', store: 'consents' },
  ])('names the store of the $store in $setting wherever it is set', ({ setting, store }) => {
    const values = steps.flatMap(({ settings }) => settings[setting] ?? []);
    expect(values.length).toBeGreaterThan(2);
    expect(new Set(values)).toEqual(new Set([`https://healthlake.eu-west-2.amazonaws.com/datastore/${store}/r4/`]));
  });

  it('lets only the steps that read Patients at theirs, and none of them write there', () => {
    const readers = steps.filter(({ rights }) => rights.has(patients));
    expect(namesOf(readers)).toEqual(['build-cohort', 'check-export', 'export-patients']);
    const actions = readers.flatMap(({ rights }) => rights.get(patients) ?? []);
    expect(actions.filter((action) => /Bundle|Create|Update|Delete|Patch|Import/.test(action))).toEqual([]);
  });

  it('gives every step that works on Consents rights on their store', () => {
    // One names their store in the snapshot, and never calls it.
    const named = steps.filter(
      ({ name, settings }) => settings.CONSENT_BASE_URL !== undefined && name !== 'reconcile-part',
    );
    expect(namesOf(named)).toEqual(expect.arrayContaining(['count-consents', 'rebuild-part', 'write-consents']));
    expect(namesOf(named.filter(({ rights }) => !rights.has(consents)))).toEqual([]);
    expect(
      named.flatMap(({ rights }) => rights.get(consents) ?? []).filter((action) => action.includes('Export')),
    ).toEqual([]);
  });

  it('lets HealthLake take on each role for one data store: to export, that of the Patients', () => {
    const trusts = resources.flatMap(([name, { Properties }]) =>
      (Properties.AssumeRolePolicyDocument?.Statement ?? []).flatMap(({ Condition }) => {
        const store = Condition?.ArnEquals?.['aws:SourceArn'];
        return store === undefined ? [] : [{ isForExport: name.includes('ExportRole'), store }];
      }),
    );
    expect(trusts).toContainEqual({ isForExport: true, store: patients });
    for (const { isForExport, store } of trusts) expect(store).toBe(isForExport ? patients : consents);
  });

  it('has the Consents refer by NHS number', () => {
    const forms = steps.flatMap(({ settings }) => settings.PATIENT_REFERENCE ?? []);
    expect(new Set(forms)).toEqual(new Set(['logical']));
  });
});
