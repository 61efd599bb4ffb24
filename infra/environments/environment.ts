import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { z } from 'zod';

const seconds = z.int().positive();
const days = z.int().positive();
const httpsUrl = z.url({ protocol: /^https$/, error: 'must begin with https://' });
const mailbox = z.string().regex(/^[A-Z0-9]{7,10}$/, 'must be a MESH mailbox id in capitals, such as RZZ99OT001');

/** NHS England's mailboxes of the Check for National Data Opt-outs Service. */
export const ndopMailboxes = { live: 'X26HC065', integration: 'X26OT154' } as const;

/** NHS England's hosts of the MESH API. */
export const meshHosts = {
  live: 'https://mesh-sync.spineservices.nhs.uk',
  integration: 'https://msg.intspineservices.nhs.uk',
} as const;

/** No account of AWS has this number. */
const localAccount = '000000000000';

const form = z.strictObject({
  /** Name of the stage and prefix of its stacks. */
  name: z.string().regex(/^[a-z][a-z0-9]{1,9}$/),
  account: z.string().regex(/^\d{12}$/, 'must be a twelve-digit AWS account id'),
  region: z.literal('eu-west-2'),
  mesh: z.strictObject({
    baseUrl: z.url(),
    mailbox,
    ndopMailbox: mailbox,
    /** How MESH is reached: a request body has room for about 20 MB over the internet, and 100 MB over HSCN. */
    network: z.enum(['internet', 'hscn']),
    /** Public implementations send CRLF, later registry notes ask for LF: confirm it in integration. */
    lineEnding: z.enum(['CRLF', 'LF']),
  }),
  cohort: z.strictObject({
    /** `fhir-store`, or the key of a CSV file in the run bucket below `cohorts/`. */
    source: z.union([z.literal('fhir-store'), z.string().startsWith('cohorts/')]),
    /** How Patients are read from the FHIR store: `search` for some hundred thousand, `export` for any number. */
    patientRead: z.enum(['search', 'export']),
    /** How long an export may take: HealthLake runs one at a time in an account, and makes others wait. */
    exportDeadlineSeconds: seconds.max(2 * 86_400),
    partRows: z.int().min(1).max(500_000),
    /** Which blocks of NHS numbers may be asked about. */
    nhsNumberRanges: z.array(z.enum(['england-wales-isle-of-man', 'scotland', 'northern-ireland', 'test'])).min(1),
  }),
  replies: z.strictObject({
    /** How often to look while a reply is out; the last stretch is without end. */
    pollPlan: z.array(z.strictObject({ untilSeconds: seconds.optional(), everySeconds: seconds })).min(1),
    /** MESH drops a message that nobody has collected after five days. */
    deadlineSeconds: seconds.max(5 * 86_400),
    /** Beyond so many numbers that the service refuses, or requests to find them by, something else is wrong. */
    maxInvalidNumbers: z.int().positive(),
    maxPieces: z.int().positive(),
  }),
  plausibility: z.strictObject({
    /** Rates are judged from this many people on. */
    rateGateFrom: z.int().positive(),
    maxOptOutPercent: z.number().positive().max(100),
    maxChangePoints: z.number().positive().max(100),
    maxDeactivations: z.int().positive(),
    /** How long a held run waits for its reviewer: it keeps the mailbox, and MESH drops after five days what lies there. */
    reviewSeconds: seconds.max(3 * 86_400),
  }),
  fhir: z.strictObject({
    /** HealthLake's base URL of the data store, with its trailing slash; absent where the deployment makes one. */
    baseUrl: z.url().endsWith('/').optional(),
    /** A data store that the deployment makes, in place of one that exists. Another name makes another store, which is empty. */
    createStore: z
      .strictObject({
        name: z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'must be letters, digits and hyphens, 64 at most'),
      })
      .optional(),
    /** The same of the store that the Consents live in, where it is one of their own; absent where they stand beside the Patients. */
    consentBaseUrl: z.url().endsWith('/').optional(),
    /** Base URI of our own identifiers in the Consents. */
    namespace: z.url(),
    /** `literal` names the Patient of the same store; `logical` the NHS number, as it must from a store of their own. */
    patientReference: z.enum(['literal', 'logical']),
    /** Most Bundles on their way at once. HealthLake once had a limit of ten Bundle calls a second. */
    bundleCalls: z.int().min(1).max(64),
    /** ODS code of the organisation on whose behalf the pipeline writes. */
    odsCode: z.string().regex(/^[A-Z0-9]{3,6}$/, 'must be an ODS code such as RZZ99'),
    /** Whether each batch of changed Consents gets a Provenance that names the answer that it came from. */
    provenance: z.boolean(),
    /** Changes beyond which a bulk import job writes them. */
    bulkImportThreshold: z.int().positive(),
    /** How long an import may take: HealthLake runs one at a time in an account, and makes others wait. */
    importDeadlineSeconds: seconds.max(2 * 86_400),
    /** Days after which an answer says nothing any more, counted from its request. */
    maxAgeDays: z.int().min(1).max(21),
    /** Days after leaving the cohort when a person's Consent is deleted. */
    retentionDays: z.int().min(1).max(30),
  }),
  /** Who is told when something is wrong; absent where nobody has to be. */
  alarmEmail: z.email().optional(),
  /** Days after which what is kept is deleted, by what it is. All but the last two hold NHS numbers. */
  keptDays: z.strictObject({
    /** Cohort files that somebody put into the bucket. */
    cohorts: days.max(30),
    /** Whole Patients: long enough for a resume, no longer. */
    exports: days.max(7),
    /** Whole Consents, with what HealthLake says of each. */
    imports: days.max(7),
    /** What a run asked, changed and reported. */
    runs: z.int().min(30).max(90),
    /** Messages as MESH delivered them. */
    inbox: z.int().min(30).max(90),
    /** What the next run compares with, so it must outlast any pause between runs. */
    snapshots: z.int().min(60).max(400),
    /** Who read and wrote the files, by their names. */
    accessLogs: z.int().min(30).max(400),
    /** One of the periods that CloudWatch knows. */
    logs: z.literal([
      RetentionDays.ONE_MONTH,
      RetentionDays.TWO_MONTHS,
      RetentionDays.THREE_MONTHS,
      RetentionDays.SIX_MONTHS,
      RetentionDays.ONE_YEAR,
    ]),
  }),
  schedule: z.strictObject({
    enabled: z.boolean(),
    weekDay: z.enum(['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN']),
    hour: z.int().min(3).max(23),
    minute: z.int().min(0).max(59),
  }),
  /** When the mailbox is emptied between runs, every day. */
  drain: z.strictObject({
    enabled: z.boolean(),
    hour: z.int().min(3).max(23),
    minute: z.int().min(0).max(59),
  }),
  /** The API of the National Opt-Out Model. */
  noom: z.strictObject({
    enabled: z.boolean(),
    /** What its answers call it, where it has a domain name of its own; absent where that is API Gateway's. */
    baseUrl: httpsUrl
      .regex(/^[^?#]*[^/?#]$/, 'must be without a slash at its end, query and fragment: paths are put behind it')
      .optional(),
    /** Closes the address that API Gateway gives it, so that nobody passes by what stands before its own name. */
    isGatewayUrlClosed: z.boolean().optional(),
    /** Who is let in: callers with an IAM principal, or with a token of an issuer. */
    auth: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('iam') }),
      z.strictObject({
        kind: z.literal('jwt'),
        /** As the tokens name it in `iss`; API Gateway reads its keys from `/.well-known/openid-configuration` below it. */
        issuer: httpsUrl,
        audience: z.array(z.string().min(1)).min(1),
        /** Of which a token must have one; any token of the audience will do where none is named. */
        scopes: z.array(z.string().min(1)).min(1).optional(),
      }),
    ]),
    /** Calls a second that are let through on average, and calls at once beyond that. */
    ratePerSecond: z.int().min(1).max(10_000),
    burst: z.int().min(1).max(5_000),
  }),
});

export type Environment = z.infer<typeof form>;

/**
 * Checks an environment before anything is synthesized from it.
 *
 * @throws Error naming the environment and each field at fault
 */
export function defineEnvironment(given: Environment): Environment {
  const parsed = form.safeParse(given);
  const faults = parsed.success
    ? guards(given)
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  if (faults.length > 0) throw new Error(`infra/environments/${given.name}.ts: ${faults.join('; ')}`);
  return given;
}

/** Live and test must never meet: mailbox, host and number range together. */
function guards(environment: Environment): string[] {
  const { name, mesh, cohort, replies } = environment;
  const faults: string[] = [];
  if (replies.pollPlan.slice(0, -1).some(({ untilSeconds }) => untilSeconds === undefined)) {
    faults.push('replies.pollPlan: only the last stretch is without end');
  }
  const isLive = mesh.ndopMailbox === ndopMailboxes.live;
  if (isLive !== (name === 'prod'))
    faults.push(`mesh.ndopMailbox: ${mesh.ndopMailbox} is for ${isLive ? 'prod' : 'tests'} alone`);
  const isTestMailbox = /OT\d+$/.test(mesh.mailbox);
  if (isTestMailbox === (name === 'prod')) {
    faults.push(`mesh.mailbox: ${mesh.mailbox} is for ${isTestMailbox ? 'tests' : 'prod'} alone`);
  }
  if (name !== 'prod' && name !== 'local' && cohort.nhsNumberRanges.some((range) => range !== 'test')) {
    faults.push('cohort.nhsNumberRanges: live numbers must not reach a test service');
  }
  if (name === 'prod' && mesh.baseUrl !== meshHosts.live) faults.push(`mesh.baseUrl: prod uses ${meshHosts.live}`);
  if (name !== 'prod' && mesh.baseUrl === meshHosts.live) faults.push('mesh.baseUrl: the live host is for prod alone');
  if (name === 'prod' && cohort.nhsNumberRanges.includes('test')) {
    faults.push('cohort.nhsNumberRanges: test numbers must not reach the live service');
  }
  if (environment.schedule.enabled && !environment.drain.enabled) {
    faults.push('schedule.enabled: needs drain.enabled: the drain deletes what is too old and keeps the mailbox alive');
  }
  return [
    ...faults,
    ...storeFaults(environment),
    ...noomFaults(environment),
    ...(name === 'local' ? [] : deployedFaults(environment)),
  ];
}

/** What would do on a laptop alone. */
function deployedFaults(environment: Environment): string[] {
  const faults = textsOf(environment).flatMap(([field, text]) => [
    ...(text.includes('example') ? [`${field}: still the example`] : []),
    ...(text.startsWith('http:') ? [`${field}: must begin with https:`] : []),
  ]);
  if (environment.account === localAccount) faults.push('account: is the one of the local runtime');
  if (environment.alarmEmail === undefined) faults.push('alarmEmail: must be given, for somebody has to be told');
  if (environment.mesh.network === 'hscn') {
    faults.push(
      'mesh.network: must be internet: outside a VPC, which this version has no setting for, nothing reaches HSCN',
    );
  }
  return [...faults, ...placeholderFaults(environment)];
}

/** Ours are left in until there is an account to deploy to, which is told by its number: one digit twelve times is nobody's. */
function placeholderFaults(environment: Environment): string[] {
  if (/^(\d)\1{11}$/.test(environment.account)) return [];
  const placeholders = [
    ...['fhir.namespace', 'alarmEmail', 'noom.baseUrl', 'noom.auth.issuer'].map((field) => ({
      field,
      is: /your-organisation/,
    })),
    ...['fhir.baseUrl', 'fhir.consentBaseUrl'].map((field) => ({ field, is: /\/datastore\/0+\// })),
    ...['fhir.odsCode', 'mesh.mailbox'].map((field) => ({ field, is: /^RZZ99/ })),
  ];
  return textsOf(environment).flatMap(([field, text]) =>
    placeholders.some((each) => each.field === field && each.is.test(text)) ? [`${field}: still the placeholder`] : [],
  );
}

/** What would let nobody in, or past what stands before the API. */
function noomFaults({ name, noom: { enabled, baseUrl, isGatewayUrlClosed, auth } }: Environment): string[] {
  const faults: string[] = [];
  if (isGatewayUrlClosed === true && baseUrl === undefined) {
    faults.push('noom.isGatewayUrlClosed: needs noom.baseUrl: without a name of its own nobody would reach the API');
  }
  if (name === 'local' && enabled && auth.kind !== 'iam') {
    faults.push('noom.auth.kind: must be iam: the local runtime knows no issuer of tokens');
  }
  return faults;
}

function textsOf(value: unknown, path: readonly string[] = []): [field: string, text: string][] {
  if (typeof value === 'string') return [[path.join('.'), value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => textsOf(member, [...path, name]));
}

/** Rights, exports and imports go by the data store's id in its base URL, and by the account and region that we deploy to. */
function storeFaults({ name, region, fhir }: Environment): string[] {
  const { baseUrl, createStore, consentBaseUrl, patientReference } = fhir;
  const faults: string[] = [];
  if ((baseUrl === undefined) === (createStore === undefined)) {
    faults.push(
      'fhir: must have either baseUrl, of a store that exists, or createStore, never both; a store for the Consents alone must exist',
    );
  }
  if (name === 'local' && createStore) faults.push('fhir.createStore: the local runtime has a store already');
  for (const [field, url] of Object.entries({ 'fhir.baseUrl': baseUrl, 'fhir.consentBaseUrl': consentBaseUrl })) {
    if (url === undefined || name === 'local' || /\/datastore\/[^/]+\/r4\/$/.test(url)) continue;
    faults.push(`${field}: must end in /datastore/<id>/r4/, as HealthLake shows it: rights and exports go by the id`);
  }
  const [, placeOfHost = region] = /\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\./.exec(baseUrl ?? '') ?? [];
  if (placeOfHost !== region)
    faults.push(`fhir.baseUrl: is in ${placeOfHost}: the store must be in ${region}, as all the rest`);
  if (consentBaseUrl === undefined) return faults;
  const patients = baseUrl ?? `https://healthlake.${region}.amazonaws.com/`;
  if (new URL(consentBaseUrl).host !== new URL(patients).host) {
    faults.push('fhir.consentBaseUrl: must be at the host of fhir.baseUrl: both stores are in one region');
  }
  if (new URL(consentBaseUrl).href === new URL(patients).href) {
    faults.push('fhir.consentBaseUrl: is the store of the Patients: leave it out where the Consents live there too');
  }
  if (patientReference !== 'logical') {
    faults.push('fhir.patientReference: must be logical: from a store of their own, Patient/<id> leads nowhere');
  }
  return faults;
}
