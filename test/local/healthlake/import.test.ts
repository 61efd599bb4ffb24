import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { Readable } from 'node:stream';
import { startHealthLake, type HealthLake } from '../../../local/healthlake/healthlake.ts';
import { auditEvent, consent } from './resources.ts';
import { credentials, post, put, signedFetch } from './signed-fetch.ts';

const datastoreId = 'e'.repeat(32);
const roleArn = 'arn:aws:iam::000000000000:role/import';

let healthLake: HealthLake;
/** Bucket and key to content. */
let objects: Map<string, string>;
/** What the next read of an object waits for. */
let gate: Promise<unknown>;
let denied: Set<'get' | 'list' | 'put'>;

const allow = (action: 'get' | 'list' | 'put') => {
  if (denied.has(action)) throw new Error('AccessDenied');
};

beforeEach(async () => {
  objects = new Map();
  gate = Promise.resolve();
  denied = new Set();
  healthLake = await startHealthLake({
    datastoreId,
    credentials,
    imports: {
      roleArn,
      // eslint-disable-next-line @typescript-eslint/require-await -- the interface is that of a paginator
      list: async function* (bucket, prefix) {
        allow('list');
        const start = `${bucket}/${prefix}`;
        for (const key of [...objects.keys()].sort()) if (key.startsWith(start)) yield key.slice(bucket.length + 1);
      },
      get: async (bucket, key) => {
        await gate;
        allow('get');
        return Readable.from([Buffer.from(objects.get(`${bucket}/${key}`) ?? '')]);
      },
      put: async (bucket, key, body) => {
        allow('put');
        const chunks: Buffer[] = [];
        for await (const chunk of body instanceof Buffer ? [body] : body) chunks.push(chunk as Buffer);
        objects.set(`${bucket}/${key}`, Buffer.concat(chunks).toString());
      },
    },
  });
});
afterEach(() => healthLake.close());

/** What the tests read of an answer of the control plane. */
interface Answer {
  readonly __type?: string;
  readonly JobId: string;
  readonly JobStatus: string;
  readonly ImportJobProperties: Properties;
  readonly ImportJobPropertiesList: readonly Properties[];
}

interface Properties {
  readonly JobId: string;
  readonly JobStatus: string;
  readonly EndTime?: number;
  readonly Message?: string;
  readonly JobProgressReport: Readonly<Record<string, number>>;
}

const request = {
  JobName: 'ndop-run-1',
  DatastoreId: datastoreId,
  InputDataConfig: { S3Uri: 's3://files/imports/run-1/' },
  JobOutputDataConfig: {
    S3Configuration: { S3Uri: 's3://files/import-logs/run-1', KmsKeyId: 'arn:aws:kms:eu-west-2:0:key/1' },
  },
  DataAccessRoleArn: roleArn,
  ValidationLevel: 'strict',
};

async function call(action: string, body: object): Promise<Answer & { readonly status: number }> {
  const reply = await post(`${healthLake.url}/`, body, {
    'x-amz-target': `HealthLake.${action}`,
    'content-type': 'application/x-amz-json-1.0',
  });
  return { status: reply.status, ...(reply.body as unknown as Answer) };
}

const start = async (changes: object = {}) => (await call('StartFHIRImportJob', { ...request, ...changes })).JobId;
const look = async (JobId: string) =>
  (await call('DescribeFHIRImportJob', { DatastoreId: datastoreId, JobId })).ImportJobProperties;

async function untilEnded(jobId: string): Promise<Properties> {
  for (;;) {
    const properties = await look(jobId);
    if (properties.EndTime !== undefined) return properties;
  }
}

const lines = (...resources: readonly object[]) =>
  resources.map((resource) => `${JSON.stringify(resource)}\n`).join('');
const give = (name: string, content: string) => objects.set(`files/imports/run-1/${name}`, content);
const outputOf = (jobId: string) => {
  const folder = `files/import-logs/run-1/${datastoreId}-FHIR_IMPORT-${jobId}/`;
  return new Map(
    [...objects].flatMap(([key, body]) => (key.startsWith(folder) ? [[key.slice(folder.length), body]] : [])),
  );
};
const versionOf = async (id: string) => {
  const { status, body } = await signedFetch(`${healthLake.baseUrl}Consent/${id}`);
  return status === 200 ? body.meta.versionId : status;
};

describe('an import', () => {
  it('writes every line by its id, whether it is new or there already', async () => {
    await put(`${healthLake.baseUrl}Consent/c1`, consent('c1'));
    give('part-0001.ndjson', lines(consent('c1', { status: 'inactive' }), consent('c2')));
    give('deeper/part-0002.ndjson', lines(consent('c3')).trimEnd());
    give('notes.txt', 'not read');
    objects.set('files/imports/run-10/part-0001.ndjson', lines(consent('c9')));
    const jobId = await start();
    const ended = await untilEnded(jobId);
    expect(ended).toMatchObject({
      JobId: jobId,
      JobName: 'ndop-run-1',
      JobStatus: 'COMPLETED',
      DatastoreId: datastoreId,
      InputDataConfig: request.InputDataConfig,
      JobOutputDataConfig: request.JobOutputDataConfig,
      DataAccessRoleArn: roleArn,
      JobProgressReport: {
        TotalNumberOfScannedFiles: 2,
        TotalNumberOfImportedFiles: 2,
        TotalNumberOfResourcesScanned: 3,
        TotalNumberOfResourcesImported: 3,
        TotalNumberOfResourcesWithCustomerError: 0,
      },
    });
    expect(await Promise.all(['c1', 'c2', 'c3', 'c9'].map(versionOf))).toEqual(['2', '1', '1', 404]);
    const found = await signedFetch(`${healthLake.baseUrl}Consent?status=inactive&patient=c1`);
    expect(found.body.entry).toHaveLength(1);
    expect(healthLake.counters).toMatchObject({ imported: 3, writes: 1 });
  });

  it('makes new versions when it is repeated', async () => {
    give('part-0001.ndjson', lines(consent('c1')));
    await untilEnded(await start());
    await untilEnded(await start());
    expect(await versionOf('c1')).toBe('2');
  });

  it('leaves a check of its access at once, and a manifest and logs at the end', async () => {
    give('part-0001.ndjson', lines(consent('c1'), consent('c2', { status: 'no' })));
    give('part-0002.ndjson', lines(consent('c3')));
    const jobId = await start();
    expect(objects.get('files/import-logs/run-1/.healthlake_write_access_check_file.temp')).toBe('');
    expect((await untilEnded(jobId)).JobStatus).toBe('COMPLETED_WITH_ERRORS');
    const output = outputOf(jobId);
    expect([...output.keys()].sort()).toEqual([
      'FAILURE/part-0001.ndjson',
      'Manifest.json',
      'SUCCESS/part-0001.ndjson',
      'SUCCESS/part-0002.ndjson',
    ]);
    const folder = `s3://files/import-logs/run-1/${datastoreId}-FHIR_IMPORT-${jobId}/`;
    expect(JSON.parse(output.get('Manifest.json') ?? '')).toMatchObject({
      inputDataConfig: { s3Uri: request.InputDataConfig.S3Uri },
      outputDataConfig: { s3Uri: folder, encryptionKeyID: 'arn:aws:kms:eu-west-2:0:key/1' },
      successOutput: { successOutputS3Uri: `${folder}SUCCESS/` },
      failureOutput: { failureOutputS3Uri: `${folder}FAILURE/` },
      numberOfScannedFiles: 2,
      numberOfFilesImported: 2,
      numberOfResourcesScanned: 3,
      numberOfResourcesImportedSuccessfully: 2,
      numberOfResourcesWithCustomerError: 1,
      numberOfResourcesWithServerError: 0,
    });
    expect(JSON.parse(output.get('FAILURE/part-0001.ndjson') ?? '')).toEqual({
      lineId: 2,
      UpdateResourceResponse: {
        jsonBlob: expect.objectContaining({ resourceType: 'OperationOutcome' }),
        statusCode: 400,
      },
    });
    expect(JSON.parse(output.get('SUCCESS/part-0001.ndjson') ?? '')).toMatchObject({
      lineId: 1,
      UpdateResourceResponse: { jsonBlob: { id: 'c1' }, statusCode: 201 },
    });
  });

  test.each([
    { what: 'no id', line: lines(consent('c1', { id: undefined })), says: 'Missing required id field' },
    { what: 'an id that cannot be', line: lines(consent('c/1')), says: 'A logical id' },
    { what: 'no resource', line: '[]\n', says: 'must be a resource' },
    { what: 'no JSON', line: 'x\n', says: 'not JSON' },
    { what: 'a resource that is not valid', line: lines(consent('c1', { category: undefined })), says: 'required' },
    { what: 'an AuditEvent', line: lines({ ...auditEvent, id: 'a1' }), says: 'not updated' },
  ])('fails a line with $what and imports the others', async ({ line, says }) => {
    give('part-0001.ndjson', `${line}\n${lines(consent('good'))}`);
    const jobId = await start();
    const { JobStatus, JobProgressReport } = await untilEnded(jobId);
    expect([JobStatus, JobProgressReport.TotalNumberOfResourcesWithCustomerError]).toEqual([
      'COMPLETED_WITH_ERRORS',
      1,
    ]);
    expect(outputOf(jobId).get('FAILURE/part-0001.ndjson')).toContain(says);
    expect(await versionOf('good')).toBe('1');
  });

  it('words its output in the other ways that have been seen', async () => {
    healthLake.importWording = { manifest: 'manifest.json', failureLines: 'as-printed', firstLineId: 0 };
    give('part-0001.ndjson', lines(consent('c1', { status: 'no' })));
    const jobId = await start();
    await untilEnded(jobId);
    const output = outputOf(jobId);
    expect(output.has('manifest.json')).toBe(true);
    expect(output.get('FAILURE/part-0001.ndjson')).toMatch(
      /^\{"lineId":0,UpdateResourceResponse:\{"jsonBlob":\{"resourceType":"OperationOutcome".*\},"statusCode":400\}\}\n$/,
    );
  });

  it('has to be waited for, and is alone: others are queued in the order of their start', async () => {
    give('part-0001.ndjson', lines(consent('c1')));
    let open = (): void => undefined;
    gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const [first, second, third] = [await start(), await start(), await start()];
    const all = async () => [await look(first), await look(second), await look(third)].map((job) => job.JobStatus);
    expect((await look(third)).JobStatus).toBe('SUBMITTED');
    expect(await all()).toEqual(['IN_PROGRESS', 'QUEUED', 'QUEUED']);
    const { ImportJobPropertiesList: queued } = await call('ListFHIRImportJobs', {
      DatastoreId: datastoreId,
      JobStatus: 'QUEUED',
    });
    expect(queued.map(({ JobId }) => JobId)).toEqual([second, third]);
    open();
    const ended = await Promise.all([first, second, third].map(untilEnded));
    expect(ended.map(({ EndTime }) => EndTime)).toEqual(ended.map(({ EndTime }) => EndTime).toSorted());
    expect(await versionOf('c1')).toBe('3');
  });

  it('leaves other requests their turn', async () => {
    const many = Array.from({ length: 10_000 }, (_, at) => consent(`c${at}`));
    give('part-0001.ndjson', lines(...many));
    const jobId = await start();
    await look(jobId);
    const during = (await put(`${healthLake.baseUrl}Consent/other`, consent('other'))).status;
    expect([during, (await look(jobId)).JobStatus]).toEqual([201, 'IN_PROGRESS']);
    const { JobStatus, JobProgressReport } = await untilEnded(jobId);
    expect([JobStatus, JobProgressReport.TotalNumberOfResourcesImported]).toEqual(['COMPLETED', 10_000]);
    expect(outputOf(jobId).get('SUCCESS/part-0001.ndjson')?.match(/\n/g)).toHaveLength(10_000);
  });
});

describe('a start', () => {
  it('is answered with the job, and once for one token', async () => {
    const token = { ClientToken: 'run-1-1' };
    const first = await call('StartFHIRImportJob', { ...request, ...token });
    expect(first).toEqual({
      status: 200,
      JobId: expect.stringMatching(/^[0-9a-f]{32}$/),
      JobStatus: 'SUBMITTED',
      DatastoreId: datastoreId,
    });
    expect(await start(token)).toBe(first.JobId);
    expect(await start({ ClientToken: 'run-1-2' })).not.toBe(first.JobId);
    expect(await call('StartFHIRImportJob', { ...request, ...token, JobName: 'other' })).toMatchObject({
      status: 400,
      __type: 'ValidationException',
    });
    const { ImportJobPropertiesList: all } = await call('ListFHIRImportJobs', { DatastoreId: datastoreId });
    expect(all).toHaveLength(2);
  });

  it('may be repeated with its token where HealthLake refused it', async () => {
    denied.add('put');
    const token = { ClientToken: 'run-1-1' };
    expect((await call('StartFHIRImportJob', { ...request, ...token })).__type).toBe('AccessDeniedException');
    denied.clear();
    expect((await call('StartFHIRImportJob', { ...request, ...token })).status).toBe(200);
  });

  test.each([
    { what: 'another data store', change: { DatastoreId: 'other' }, type: 'ResourceNotFoundException' },
    { what: 'another role', change: { DataAccessRoleArn: `${roleArn}-2` }, type: 'AccessDeniedException' },
    { what: 'no role', change: { DataAccessRoleArn: undefined }, type: 'ValidationException' },
    { what: 'no input', change: { InputDataConfig: undefined }, type: 'ValidationException' },
    { what: 'no S3 URI', change: { InputDataConfig: { S3Uri: 'files/imports' } }, type: 'ValidationException' },
    {
      what: 'no key',
      change: { JobOutputDataConfig: { S3Configuration: { S3Uri: 's3://files/logs' } } },
      type: 'ValidationException',
    },
    { what: 'a name of 65 letters', change: { JobName: 'n'.repeat(65) }, type: 'ValidationException' },
    { what: 'a token of 65 letters', change: { ClientToken: 'n'.repeat(65) }, type: 'ValidationException' },
    { what: 'a token with a colon', change: { ClientToken: 'run:1' }, type: 'ValidationException' },
    { what: 'an unknown validation level', change: { ValidationLevel: 'lax' }, type: 'ValidationException' },
    { what: 'an unknown field', change: { Inputs: {} }, type: 'ValidationException' },
  ])('with $what is refused as $type', async ({ change, type }) => {
    const answer = await call('StartFHIRImportJob', { ...request, ...change });
    expect(answer).toEqual({ status: 400, __type: type, message: expect.any(String) });
  });

  it('with another validation level than strict is not imitated', async () => {
    expect((await call('StartFHIRImportJob', { ...request, ValidationLevel: 'minimal' })).status).toBe(501);
  });

  it('is throttled where 25 jobs wait already', async () => {
    for (let job = 0; job < 25; job += 1) await start();
    expect((await call('StartFHIRImportJob', request)).__type).toBe('ThrottlingException');
  });
});

test.each([
  ['DescribeFHIRImportJob', { DatastoreId: 'other', JobId: 'x' }, 'ResourceNotFoundException'],
  ['DescribeFHIRImportJob', { DatastoreId: datastoreId, JobId: 'x' }, 'ResourceNotFoundException'],
  ['DescribeFHIRImportJob', { DatastoreId: datastoreId }, 'ValidationException'],
  ['ListFHIRImportJobs', { DatastoreId: 'other' }, 'ResourceNotFoundException'],
  ['ListFHIRImportJobs', { DatastoreId: datastoreId, MaxResults: 1 }, 'ValidationException'],
])('%s of %j is refused as %s', async (action, body, type) => {
  expect(await call(action, body)).toMatchObject({ status: 400, __type: type });
});

it('is listed by name', async () => {
  const jobId = await start();
  await start({ JobName: 'other' });
  const body = { DatastoreId: datastoreId, JobName: 'ndop-run-1' };
  const { ImportJobPropertiesList: named } = await call('ListFHIRImportJobs', body);
  expect(named).toEqual([expect.objectContaining({ JobId: jobId, JobStatus: 'SUBMITTED' })]);
});

describe('what goes wrong', () => {
  test.each(['get', 'list', 'put'] as const)('fails a job whose role may not %s any more', async (action) => {
    give('part-0001.ndjson', lines(consent('c1')));
    const jobId = await start();
    denied.add(action);
    expect(await untilEnded(jobId)).toMatchObject({ JobStatus: 'FAILED', Message: expect.any(String) });
    expect(outputOf(jobId)).toEqual(new Map());
  });

  test.each(['FAILED', 'COMPLETED_WITH_ERRORS'] as const)(
    'ends a job as %s where a test asks for it',
    async (status) => {
      healthLake.faults.add({ kind: 'import-end', status, times: 1 });
      give('part-0001.ndjson', lines(consent('c1')));
      const jobs = [await start(), await start()];
      expect((await Promise.all(jobs.map(untilEnded))).map(({ JobStatus }) => JobStatus)).toEqual([
        status,
        'COMPLETED',
      ]);
      expect(await versionOf('c1')).toBe(status === 'FAILED' ? '1' : '2');
    },
  );

  it('lets a job die half way, with its first lines written', async () => {
    healthLake.faults.add({ kind: 'import-end', status: 'FAILED', times: 1, afterLines: 3 });
    give('part-0001.ndjson', lines(consent('c1'), consent('c2')));
    give('part-0002.ndjson', lines(consent('c3'), consent('c4')));
    const { JobStatus, JobProgressReport } = await untilEnded(await start());
    expect([JobStatus, JobProgressReport.TotalNumberOfResourcesImported]).toEqual(['FAILED', 3]);
    expect(await Promise.all(['c1', 'c2', 'c3', 'c4'].map(versionOf))).toEqual(['1', '1', '1', 404]);
  });

  it('refuses the lines of the same ids as it refuses as entries of a batch', async () => {
    healthLake.faults.add({ kind: 'entry-refuse', share: 0.3 });
    const consents = Array.from({ length: 100 }, (_, at) => consent(`c${at}`));
    give('part-0001.ndjson', lines(...consents));
    const { JobProgressReport } = await untilEnded(await start());
    const entry = consents.map((resource) => ({
      request: { method: 'PUT', url: `Consent/${resource.id}` },
      resource,
    }));
    const reply = await post(healthLake.baseUrl, { resourceType: 'Bundle', type: 'batch', entry });
    const taken = reply.body.entry.filter(({ response }) => response?.status === '200');
    expect(taken).toHaveLength(JobProgressReport.TotalNumberOfResourcesImported ?? 0);
    expect(taken.length).toBeGreaterThan(50);
    expect(taken.length).toBeLessThan(90);
    expect(reply.body.entry.filter(({ response }) => response?.status === '201')).toEqual([]);
  });

  it('loses the answer of a start, and a repeat with the token finds the job', async () => {
    healthLake.faults.add({ kind: 'answer-lost', on: 'import', times: 1 });
    const token = { ClientToken: 'run-1-1' };
    await expect(start(token)).rejects.toThrow('fetch failed');
    const { ImportJobPropertiesList: all } = await call('ListFHIRImportJobs', { DatastoreId: datastoreId });
    expect(await start(token)).toBe(all[0]?.JobId);
  });

  it('throttles the control plane with 400, each of its calls by itself', async () => {
    healthLake.faults.add({ kind: 'throttle', on: 'import-status', times: 1 });
    const jobId = await start();
    const body = { DatastoreId: datastoreId, JobId: jobId };
    expect(await call('DescribeFHIRImportJob', body)).toMatchObject({ status: 400, __type: 'ThrottlingException' });
    expect((await look(jobId)).JobStatus).toBe('SUBMITTED');
  });
});
