import { afterAll, beforeAll, describe, expect, it, jest, test } from '@jest/globals';
import { Fhir } from 'fhir';
import { NoomClient, NoomError } from '../../../shared/noom/client.ts';
import type { Consent } from '../../../shared/noom/consent.ts';
import { log } from '../../../shared/log.ts';
import { readXml } from '../../../shared/noom/stu3/xml-reader.ts';
import { writeXml } from '../../../shared/noom/stu3/xml-writer.ts';
import { validFrom } from '../../support/nhs-numbers.ts';
import { baseUrl, namespace, NoomApi, type Answered, type Called } from '../../support/noom-api.ts';
import {
  byAttorney,
  ndopConsent,
  ndopProfile,
  nicReference,
  optOutSource,
  preference,
  proxyRole,
  referenceTo,
  without,
} from '../../support/preferences.ts';
import { faultsOf } from '../../support/stu3-types.ts';

/**
 * What the interfaces of the National Data Opt-out's FHIR API ask of a server (S), a client (C) and a mapper to R4 (M), line
 * by line. Source: nhsconnect/FHIR-NOO-API, NDOP-Consent-1 1.6.0, nhsconnect/FHIR-SpineCore and HL7 FHIR STU3; where they
 * leave something open, what this project has chosen (docs/noom.md).
 */
interface Line {
  readonly asks: string;
  readonly holds?: () => Promise<void> | void;
  /** Why it does not apply here. */
  readonly otherwise?: string;
}

let api: NoomApi;
beforeAll(async () => {
  jest.spyOn(log, 'info').mockReturnValue();
  api = await NoomApi.open();
});
afterAll(() => api.close());

/** Somebody whom no other line speaks of. */
let people = 0;
const somebody = () => validFrom(999_100_000 + 10 * (people += 1));
const search = (nhsNumber: number, more = '', headers = {}) =>
  api.call('GET', `/Consent?patient=${encodeURIComponent(referenceTo(nhsNumber))}${more}`, { headers });
const create = (body: object, headers = {}) => api.call('POST', '/Consent', { body, headers });
const created = async (body: object): Promise<Answered> => {
  const { status, resource } = await create(body, { prefer: 'return=representation' });
  expect(status).toBe(201);
  return resource;
};
const update = (
  body: { readonly id: string; readonly status?: string; readonly purpose?: unknown },
  ifMatch: string | undefined,
  headers = {},
) =>
  api.call('PUT', `/Consent/${body.id}`, {
    body,
    headers: { ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }), ...headers },
  });
const isRefused = ({ status, resource }: Called, expected: number, code: string, type?: string) => {
  expect({ status, code: resource.issue[0].details.coding[0].code }).toEqual({ status: expected, code });
  if (type !== undefined) expect(resource.issue[0].code).toBe(type);
};
/** By the server, and by the client before anything is sent. */
const refusedByBoth = async (body: object, status: number, code: string, type?: string) => {
  isRefused(await create(body), status, code, type);
  const { client, sent } = clientOf(new Error('nothing is to be sent'));
  expect(await thrownBy(client.create(newConsent(body)))).toMatchObject({ status: 0 });
  expect(sent).toEqual([]);
};
const thrownBy = async (promise: Promise<unknown>): Promise<NoomError> => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof NoomError) return error;
  throw new Error('No NoomError was thrown', { cause: error });
};
const versions = (id: string) => api.call('GET', `/Consent/${id}/_history`).then(({ resource }) => resource);
const heldInR4 = (id: string) =>
  [...api.healthLake.resources('Consent')].find((each) => each.id === id) as unknown as Answered;
const newConsent = (body: object) => body as Omit<Consent, 'id'>;
/** Ids that a service would give. */
const [idA, idB] = ['5b1c1b0e-7d2f-4a53-9a76-3c3f0e8a1d42', '0f7c2a44-2f0b-4c36-8f56-9b0b1b8d7e21'] as const;
const headersAgainst =
  'Callers are known by AWS IAM or a signed JWT, which API Gateway checks before anything here runs: an unsigned token and names of systems beside it would prove nothing.';
/** A client in front of a service that answers as the line wants it. */
const clientOf = (...answers: readonly (Response | Error)[]) => {
  const sent: { url: URL; method: string; headers: Readonly<Record<string, string>>; body?: string }[] = [];
  const left = [...answers];
  const client = new NoomClient({
    baseUrl,
    sleep: () => Promise.resolve(),
    send: (url, call) => {
      sent.push({ url, ...call });
      const next = left.length > 1 ? left.shift() : left[0];
      return next instanceof Response ? Promise.resolve(next.clone()) : Promise.reject(next ?? new Error('no answer'));
    },
  });
  return { client, sent };
};
const outcome = (status: number, code: string, text = JSON.stringify(outcomeOf(code))) =>
  new Response(text, { status });
const outcomeOf = (code: string) => ({
  resourceType: 'OperationOutcome',
  id: 'outcome-1',
  issue: [{ severity: 'error', code: 'invalid', details: { coding: [{ system: 'urn:x', code, display: 'x' }] } }],
});
const searchset = (nhsNumber: number, more: object = {}) =>
  new Response(
    JSON.stringify({
      resourceType: 'Bundle',
      type: 'searchset',
      total: 0,
      link: [{ relation: 'self', url: `${baseUrl}/Consent?patient=${encodeURIComponent(referenceTo(nhsNumber))}` }],
      ...more,
    }),
  );
const writtenAt = (location: string, etag?: string) =>
  new Response(null, { status: 201, headers: { location, ...(etag === undefined ? {} : { etag }) } });

const lines: Readonly<Record<number, Line>> = {
  1: {
    asks: 'S+C: TLS 1.2 with client certificates',
    otherwise:
      'API Gateway ends TLS, 1.2 at least, and knows callers by IAM or JWT; a client brings its own transport in `send`.',
  },
  2: {
    asks: 'C: what differs between environments is configuration',
    holds: async () => {
      const { sent, client } = clientOf(searchset(9_990_000_018));
      await client.search(9_990_000_018);
      expect(sent[0]?.url.href).toBe(`${baseUrl}/Consent/_search`);
    },
  },
  3: { asks: 'C: an unsigned JWT for each request', otherwise: headersAgainst },
  4: { asks: 'S: refuse a missing or malformed token or Spine header', otherwise: headersAgainst },
  5: { asks: 'S+C: one ASID in header and token', otherwise: headersAgainst },
  6: {
    asks: 'S+C: header names in any case',
    holds: async () => {
      const { id, ...resource } = await created(ndopConsent(somebody()));
      const headers = { 'If-Match': 'W/"1"', 'CONTENT-TYPE': 'application/fhir+json', Prefer: 'return=representation' };
      const body = JSON.stringify({ ...resource, id, status: 'inactive' });
      expect((await api.call('PUT', `/Consent/${id}`, { body, headers })).resource.status).toBe('inactive');
    },
  },
  7: {
    asks: 'S+C: UTF-8 everywhere',
    holds: async () => {
      const display = 'Zoë 🙂';
      const body = ndopConsent(somebody());
      const resource = await created({ ...body, patient: { ...body.patient, display } });
      for (const format of ['json', 'xml']) {
        const read = await api.call('GET', `/Consent/${resource.id}?_format=${format}`);
        expect(read.headers['content-type']).toBe(`application/fhir+${format}; charset=UTF-8`);
        expect(read.resource.patient.display).toBe(display);
      }
      const latin1 = Buffer.from(JSON.stringify(body).replace('Online', 'Önline'), 'latin1');
      const headers = { 'content-type': 'application/fhir+json' };
      isRefused(await api.call('POST', '/Consent', { body: latin1, headers }), 400, 'MESSAGE_NOT_WELL_FORMED');
      isRefused(
        await create(body, { 'content-type': 'application/fhir+json; charset=latin1' }),
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      );
    },
  },
  8: {
    asks: 'S+C: both media types, and the old names on the way in',
    holds: async () => {
      for (const type of ['application/fhir+json', 'application/json+fhir', 'application/json']) {
        expect((await create(ndopConsent(somebody()), { 'content-type': type })).status).toBe(201);
      }
      for (const type of [
        'application/fhir+xml',
        'application/xml+fhir',
        'application/xml',
        'text/xml; charset=utf-8',
      ]) {
        const body = writeXml(ndopConsent(somebody()));
        expect((await api.call('POST', '/Consent', { body, headers: { 'content-type': type } })).status).toBe(201);
      }
    },
  },
  9: {
    asks: 'S: _format, then Accept, then Content-Type, then JSON',
    holds: async () => {
      const typeOf = async (more: string, headers: object) =>
        (await search(somebody(), more, headers)).headers['content-type'];
      const [json, xml] = ['json', 'xml'].map((format) => `application/fhir+${format}; charset=UTF-8`);
      expect(await typeOf('&_format=json', { accept: 'application/fhir+xml' })).toBe(json);
      expect(await typeOf('&_format=application/fhir+xml', { accept: 'application/fhir+json' })).toBe(xml);
      expect(await typeOf('', { accept: 'text/html, application/fhir+json;q=0.1, application/fhir+xml;q=0.2' })).toBe(
        xml,
      );
      expect(await typeOf('', {})).toBe(json);
      expect(await typeOf('', { accept: '*/*' })).toBe(json);
      const headers = { 'content-type': 'application/fhir+xml', accept: '*/*', prefer: 'return=representation' };
      const answered = await api.call('POST', '/Consent', { body: writeXml(ndopConsent(somebody())), headers });
      expect(answered.headers['content-type']).toBe(xml);
    },
  },
  10: {
    asks: 'S: 415 for anything else',
    holds: async () => {
      isRefused(await search(somebody(), '&_format=yaml'), 415, 'UNSUPPORTED_MEDIA_TYPE', 'not-supported');
      isRefused(await search(somebody(), '', { accept: 'text/html' }), 415, 'UNSUPPORTED_MEDIA_TYPE');
      isRefused(await create(ndopConsent(somebody()), { 'content-type': 'text/plain' }), 415, 'UNSUPPORTED_MEDIA_TYPE');
      isRefused(
        await api.call('POST', '/Consent/_search', { body: 'patient=1', headers: { 'content-type': 'text/plain' } }),
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      );
    },
  },
  11: {
    asks: 'C: read an error in XML though JSON was asked for',
    holds: async () => {
      const xml = outcome(400, '', writeXml(outcomeOf('BAD_REQUEST')));
      const error = await thrownBy(clientOf(xml).client.search(somebody()));
      expect(error).toMatchObject({ status: 400, code: 'BAD_REQUEST', outcomeId: 'outcome-1' });
    },
  },
  12: {
    asks: 'S: XML in the order and namespace of FHIR',
    holds: async () => {
      const resource = await created(byAttorney(somebody()));
      const { text } = await api.call('GET', `/Consent/${resource.id}?_format=xml`);
      expect(text).toContain('<Consent xmlns="http://hl7.org/fhir">');
      const names = [
        ...text.matchAll(/<(id|meta|extension|status|patient|dateTime|organization|policy|purpose)[ >/]/g),
      ].map(([, name]) => name);
      expect([...new Set(names)]).toEqual([
        'id',
        'meta',
        'extension',
        'status',
        'patient',
        'dateTime',
        'organization',
        'policy',
        'purpose',
      ]);
    },
  },
  13: {
    asks: 'S: refuse elements and extensions that are not known',
    holds: async () => {
      const body = ndopConsent(somebody());
      const unknown = { url: 'urn:x', valueString: 'y' };
      isRefused(await create({ ...body, nickname: 'x' }), 400, 'INVALID_ELEMENT');
      isRefused(await create({ ...body, extension: [...body.extension, unknown] }), 400, 'INVALID_ELEMENT');
      isRefused(await create({ ...body, modifierExtension: [unknown] }), 400, 'INVALID_ELEMENT');
      expect(
        (await api.call('GET', `/Consent?patient=${encodeURIComponent(body.patient.reference)}`)).resource.total,
      ).toBe(0);
    },
  },
  14: {
    asks: 'S+C: gzip for who accepts it',
    holds: async () => {
      const nhsNumber = somebody();
      await created(ndopConsent(nhsNumber));
      const packed = await search(nhsNumber, `&_profile=${ndopProfile}`, { 'accept-encoding': 'gzip, br' });
      expect(packed.headers['content-encoding']).toBe('gzip');
      expect(packed.resource.total).toBe(1);
      expect((await search(nhsNumber, '', { 'accept-encoding': 'br, gzip;q=0' })).headers).not.toHaveProperty(
        'content-encoding',
      );
      const { client, sent } = clientOf(searchset(nhsNumber));
      await client.search(nhsNumber);
      expect(sent[0]?.headers['accept-encoding']).toBe('gzip');
    },
  },
  15: {
    asks: 'S: a patient by absolute reference, by Patient/ and by the bare number',
    holds: async () => {
      const nhsNumber = somebody();
      await created(preference(nhsNumber));
      for (const patient of [
        referenceTo(nhsNumber),
        `Patient/${nhsNumber}`,
        String(nhsNumber),
        `https://pds.proxy.nhs.uk/${nhsNumber}`,
      ]) {
        expect((await api.call('GET', `/Consent?patient=${encodeURIComponent(patient)}`)).resource.total).toBe(1);
      }
      for (const name of ['patient.identifier', 'patient:identifier']) {
        const token = encodeURIComponent(`https://fhir.nhs.uk/Id/nhs-number|${nhsNumber}`);
        expect((await api.call('GET', `/Consent?${name}=${token}`)).resource.total).toBe(1);
        isRefused(await api.call('GET', `/Consent?${name}=urn:x|${nhsNumber}`), 400, 'INVALID_IDENTIFIER_SYSTEM');
      }
    },
  },
  16: {
    asks: 'C: send the absolute reference, percent-encoded',
    holds: async () => {
      const { client, sent } = clientOf(searchset(9_990_000_018));
      await client.search(9_990_000_018);
      expect(sent[0]?.body).toBe(
        'patient=https%3A%2F%2Fdemographics.spineservices.nhs.uk%2FSTU3%2FPatient%2F9990000018',
      );
    },
  },
  17: {
    asks: 'S: 200 and a searchset for any number of matches',
    holds: async () => {
      const nhsNumber = somebody();
      const totals = [];
      for (const body of [undefined, preference(nhsNumber), preference(nhsNumber, 'HOPERAT')]) {
        if (body) await created(body);
        const { status, resource } = await search(nhsNumber);
        expect({ status, type: resource.type }).toEqual({ status: 200, type: 'searchset' });
        totals.push(resource.total);
      }
      expect(totals).toEqual([0, 1, 2]);
    },
  },
  18: {
    asks: 'S: total is the number of matches; no entry for none',
    holds: async () => {
      const { resource } = await search(somebody());
      expect(resource.total).toBe(0);
      expect(resource).not.toHaveProperty('entry');
      expect(faultsOf(resource)).toEqual([]);
    },
  },
  19: {
    asks: 'S: one match at most, or two in the design of two questions',
    holds: async () => {
      const nhsNumber = somebody();
      for (const body of [preference(nhsNumber), preference(nhsNumber, 'HOPERAT'), ndopConsent(nhsNumber)])
        await created(body);
      const codes = ({ resource }: Called) => resource.entry.map((entry) => entry.resource.purpose[0].code);
      expect(codes(await search(nhsNumber))).toEqual(['HRESCH', 'HOPERAT']);
      expect(codes(await search(nhsNumber, `&_profile=${encodeURIComponent(ndopProfile)}`))).toEqual(['370856009']);
    },
  },
  20: {
    asks: 'S: a self link with what was asked',
    holds: async () => {
      const nhsNumber = somebody();
      const [{ relation, url }] = (await search(nhsNumber, '&status=active&_format=xml')).resource.link;
      expect(relation).toBe('self');
      expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
        patient: referenceTo(nhsNumber),
        status: 'active',
        _format: 'xml',
      });
    },
  },
  21: {
    asks: 'C: make sure that the answer is about whom was asked',
    holds: async () => {
      const nhsNumber = somebody();
      const noSelf = searchset(nhsNumber, { link: [{ relation: 'self', url: `${baseUrl}/Consent` }] });
      expect((await thrownBy(clientOf(noSelf).client.search(nhsNumber))).message).toBe(
        'The search was answered as another',
      );
      const other = { ...ndopConsent(somebody()), id: 'x', meta: { versionId: '1' } };
      const stranger = searchset(nhsNumber, { total: 1, entry: [{ resource: other, search: { mode: 'match' } }] });
      expect((await thrownBy(clientOf(stranger).client.search(nhsNumber))).message).toBe(
        'The search was answered with another patient',
      );
    },
  },
  22: {
    asks: 'S: entries have an absolute fullUrl, the resource and the mode',
    holds: async () => {
      const nhsNumber = somebody();
      const { id } = await created(preference(nhsNumber));
      expect((await search(nhsNumber)).resource.entry).toMatchObject([
        { fullUrl: `${baseUrl}/Consent/${id}`, resource: { id }, search: { mode: 'match' } },
      ]);
    },
  },
  23: {
    asks: 'S: the record whatever its status',
    holds: async () => {
      const nhsNumber = somebody();
      await created(preference(nhsNumber, 'HRESCH', 'inactive'));
      expect((await search(nhsNumber)).resource).toMatchObject({
        total: 1,
        entry: [{ resource: { status: 'inactive' } }],
      });
    },
  },
  24: {
    asks: 'C: never take the id of a Bundle for that of a Consent',
    holds: async () => {
      const nhsNumber = somebody();
      const { id } = await created(ndopConsent(nhsNumber));
      expect((await api.client().find(nhsNumber, 'NDOP'))?.id).toBe(id);
      expect((await search(nhsNumber)).resource.id).not.toBe(id);
    },
  },
  25: {
    asks: 'S: refuse a number that is none; C: check it before the call',
    holds: async () => {
      for (const number of [
        '9990000019',
        '999000001',
        '999%20000%200018',
        '45055771aaaa',
        '',
        '0000000000',
        '1111111111',
      ]) {
        isRefused(await api.call('GET', `/Consent?patient=${number}`), 400, 'INVALID_NHS_NUMBER', 'value');
      }
      const { client, sent } = clientOf(searchset(9_990_000_019));
      expect((await thrownBy(client.search(9_990_000_019))).message).toBe('That is no valid NHS number');
      expect(sent).toEqual([]);
    },
  },
  26: {
    asks: 'S: no search without a patient or an id',
    holds: async () => {
      isRefused(await api.call('GET', '/Consent'), 400, 'BAD_REQUEST', 'invalid');
      isRefused(await api.call('GET', '/Consent?status=active'), 400, 'BAD_REQUEST');
      isRefused(await api.call('GET', `/Consent?patient=${somebody()}&subject=x`), 400, 'BAD_REQUEST');
      isRefused(await api.call('GET', `/Consent?patient=${somebody()}&patient=${somebody()}`), 400, 'BAD_REQUEST');
      const { id } = await created(ndopConsent(somebody()));
      expect((await api.call('GET', `/Consent?_id=${id}`)).resource.total).toBe(1);
      expect((await api.call('GET', `/Consent?_id=${idB}`)).resource.total).toBe(0);
      isRefused(await api.call('GET', '/Consent?_id=unknown'), 400, 'BAD_REQUEST');
    },
  },
  27: {
    asks: 'S: a search by POST is the same; C: prefers it',
    holds: async () => {
      const nhsNumber = somebody();
      await created(preference(nhsNumber));
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const posted = await api.call('POST', '/Consent/_search', { body: `patient=${nhsNumber}`, headers });
      const got = await api.call('GET', `/Consent?patient=${nhsNumber}`);
      expect(posted.resource).toEqual({ ...got.resource, id: posted.resource.id });
      const xml = await api.call('POST', '/Consent/_search', { body: `patient=${nhsNumber}&_format=xml`, headers });
      expect(xml.headers['content-type']).toBe('application/fhir+xml; charset=UTF-8');
      const { client, sent } = clientOf(searchset(nhsNumber));
      await client.search(nhsNumber);
      expect(sent).toMatchObject([{ method: 'POST', url: { search: '' } }]);
    },
  },
  28: {
    asks: 'C: follow next links; a missing total is an error',
    holds: async () => {
      const nhsNumber = somebody();
      const entry = (code: string) => ({
        resource: {
          ...preference(nhsNumber),
          purpose: [{ system: 'urn:x', code }],
          id: code,
          meta: { versionId: '1' },
        },
        search: { mode: 'match' },
      });
      const self = {
        relation: 'self',
        url: `${baseUrl}/Consent?patient=${encodeURIComponent(referenceTo(nhsNumber))}`,
      };
      const first = searchset(nhsNumber, {
        total: 2,
        link: [self, { relation: 'next', url: `${baseUrl}/Consent?page=2` }],
        entry: [entry('HRESCH')],
      });
      const second = searchset(nhsNumber, { total: 2, entry: [entry('HOPERAT')] });
      const { client, sent } = clientOf(first, second);
      expect((await client.search(nhsNumber)).map(({ id }) => id)).toEqual(['HRESCH', 'HOPERAT']);
      expect(sent[1]).toMatchObject({ method: 'GET', url: { href: `${baseUrl}/Consent?page=2` } });
      for (const more of [{ total: undefined }, { total: 3 }]) {
        expect(await thrownBy(clientOf(searchset(nhsNumber, more)).client.search(nhsNumber))).toMatchObject({
          status: 0,
        });
      }
      const away = searchset(nhsNumber, { link: [self, { relation: 'next', url: 'https://elsewhere.example.org/' }] });
      expect((await thrownBy(clientOf(away).client.search(nhsNumber))).message).toBe('The search has no end');
    },
  },
  29: {
    asks: 'C: search before a create',
    holds: async () => {
      const nhsNumber = somebody();
      const { client, sent } = clientOf(searchset(nhsNumber), writtenAt(`${baseUrl}/Consent/x/_history/1`, 'W/"1"'));
      await client.state(newConsent(ndopConsent(nhsNumber)));
      expect(sent.map(({ method, url }) => `${method} ${url.pathname}`)).toEqual([
        'POST /Consent/_search',
        'POST /Consent',
      ]);
    },
  },
  30: {
    asks: 'C: neither id nor version in a create',
    holds: async () => {
      const { client, sent } = clientOf(writtenAt(`${baseUrl}/Consent/x`, 'W/"1"'));
      await client.create(
        newConsent({
          ...ndopConsent(somebody()),
          id: idB,
          meta: { profile: [ndopProfile], versionId: '7', lastUpdated: '2026-11-20T06:00:00Z' },
        }),
      );
      const body = JSON.parse(sent[0]?.body ?? '') as object;
      expect(body).not.toHaveProperty('id');
      expect(body).toHaveProperty('meta', { profile: [ndopProfile] });
    },
  },
  31: {
    asks: 'S: an id in a create is refused, and nothing stored',
    holds: async () => {
      const nhsNumber = somebody();
      const body = { ...preference(nhsNumber), id: '5b1c1b0e-7d2f-4a53-9a76-3c3f0e8a1d42' };
      isRefused(await create(body), 405, 'MSG_RESOURCE_ID_FAIL', 'forbidden');
      expect((await search(nhsNumber)).resource.total).toBe(0);
    },
  },
  32: {
    asks: 'S: 201 with a UUID, Location, ETag and Last-Modified',
    holds: async () => {
      const { status, headers, text } = await create(ndopConsent(somebody()));
      expect({ status, text }).toEqual({ status: 201, text: '' });
      expect(headers.location).toMatch(/\/Consent\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\/_history\/1$/);
      expect(headers.etag).toBe('W/"1"');
      expect(Date.parse(headers['last-modified'] ?? '')).not.toBeNaN();
    },
  },
  33: {
    asks: 'C: the id from a Location of either form',
    holds: async () => {
      for (const form of [`/Consent/${idA}/_history/7`, `/Consent/${idA}`]) {
        const { client } = clientOf(writtenAt(`https://elsewhere.example.org${form}`, 'W/"7"'));
        expect(await client.create(newConsent(ndopConsent(somebody())))).toEqual({ id: idA, versionId: '7' });
      }
    },
  },
  34: {
    asks: 'S: a second Consent about the same is refused, whatever the status of the first',
    holds: async () => {
      for (const status of ['active', 'inactive']) {
        const nhsNumber = somebody();
        await created(preference(nhsNumber, 'HRESCH', status));
        isRefused(await create(preference(nhsNumber)), 422, 'DUPLICATE_REJECTED', 'duplicate');
        expect((await search(nhsNumber)).resource).toMatchObject({ total: 1, entry: [{ resource: { status } }] });
        await created(preference(nhsNumber, 'HOPERAT'));
      }
    },
  },
  35: {
    asks: 'C: after such a refusal, search again and update',
    holds: async () => {
      const nhsNumber = somebody();
      const held = { ...ndopConsent(nhsNumber), id: idA, meta: { versionId: '4', profile: [ndopProfile] } };
      const found = searchset(nhsNumber, { total: 1, entry: [{ resource: held, search: { mode: 'match' } }] });
      const { client, sent } = clientOf(
        searchset(nhsNumber),
        outcome(422, 'DUPLICATE_REJECTED'),
        found,
        writtenAt(`/Consent/${idA}`, 'W/"5"'),
      );
      expect(await client.state(newConsent(ndopConsent(nhsNumber, 'inactive')))).toEqual({ id: idA, versionId: '5' });
      expect(sent.at(-1)).toMatchObject({ method: 'PUT', headers: { 'if-match': 'W/"4"' } });
    },
  },
  36: {
    asks: 'S: a conditional create is refused, never passed over',
    holds: async () => {
      const nhsNumber = somebody();
      isRefused(
        await create(preference(nhsNumber), { 'if-none-exist': `patient=${nhsNumber}` }),
        412,
        'PRECONDITION_FAILED',
        'conflict',
      );
      expect((await search(nhsNumber)).resource.total).toBe(0);
    },
  },
  37: {
    asks: 'S: creates at the same moment leave exactly one',
    holds: async () => {
      const nhsNumber = somebody();
      const answers = await Promise.all(Array.from({ length: 6 }, () => create(preference(nhsNumber))));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 422, 422, 422, 422, 422]);
      expect((await search(nhsNumber)).resource.total).toBe(1);
    },
  },
  38: {
    asks: 'C: the whole resource in an update',
    holds: async () => {
      const { client, sent } = clientOf(writtenAt(`/Consent/${idA}`, 'W/"2"'));
      const consent = { ...byAttorney(somebody()), id: idA };
      await client.update(consent as unknown as Consent & { id: string }, '1');
      expect(JSON.parse(sent[0]?.body ?? '')).toEqual(consent);
    },
  },
  39: {
    asks: 'S+C: the id in the body is that of the URL',
    holds: async () => {
      const resource = await created(ndopConsent(somebody()));
      const target = `/Consent/${resource.id}`;
      const headers = { 'if-match': 'W/"1"' };
      isRefused(await api.call('PUT', target, { body: without(resource, 'id'), headers }), 400, 'BAD_REQUEST');
      const other = { ...resource, id: resource.id.replace(/.$/, (last: string) => (last === '0' ? '1' : '0')) };
      isRefused(await api.call('PUT', target, { body: other, headers }), 400, 'BAD_REQUEST');
    },
  },
  40: {
    asks: 'S: an update creates nothing',
    holds: async () => {
      const nhsNumber = somebody();
      const body = { ...preference(nhsNumber), id: '5b1c1b0e-7d2f-4a53-9a76-3c3f0e8a1d42' };
      isRefused(await update(body, 'W/"1"'), 404, 'NO_RECORD_FOUND', 'not-found');
      expect((await search(nhsNumber)).resource.total).toBe(0);
    },
  },
  41: {
    asks: 'C: 404 and 405 after an update alike: search, then create',
    holds: async () => {
      for (const status of [404, 405]) {
        const nhsNumber = somebody();
        const held = { ...ndopConsent(nhsNumber), id: idA, meta: { versionId: '4', profile: [ndopProfile] } };
        const found = searchset(nhsNumber, { total: 1, entry: [{ resource: held, search: { mode: 'match' } }] });
        const { client, sent } = clientOf(
          found,
          outcome(status, 'NO_RECORD_FOUND'),
          searchset(nhsNumber),
          writtenAt(`/Consent/${idB}`, 'W/"1"'),
        );
        expect(await client.state(newConsent(ndopConsent(nhsNumber)))).toEqual({ id: idB, versionId: '1' });
        expect(sent.map(({ method }) => method)).toEqual(['POST', 'PUT', 'POST', 'POST']);
      }
    },
  },
  42: {
    asks: 'C: always the version that was read',
    holds: async () => {
      const nhsNumber = somebody();
      const client = api.client();
      await client.state(newConsent(ndopConsent(nhsNumber)));
      expect(await client.state(newConsent(ndopConsent(nhsNumber, 'inactive')))).toMatchObject({ versionId: '2' });
    },
  },
  43: {
    asks: 'S: 409 for another version, 412 for none',
    holds: async () => {
      const resource = await created(preference(somebody()));
      isRefused(await update({ ...resource, status: 'inactive' }, 'W/"2"'), 409, 'INVALID_REQUEST_STATE', 'conflict');
      isRefused(await update({ ...resource, status: 'inactive' }, undefined), 412, 'PRECONDITION_FAILED', 'conflict');
      expect((await versions(resource.id)).total).toBe(1);
    },
  },
  44: {
    asks: 'S: 200 with new ETag, Last-Modified and Location; the id and the old version stay',
    holds: async () => {
      const resource = await created(preference(somebody()));
      const { status, headers } = await update({ ...resource, status: 'inactive' }, 'W/"1"');
      expect({ status, etag: headers.etag }).toEqual({ status: 200, etag: 'W/"2"' });
      expect(headers.location).toBe(`${baseUrl}/Consent/${resource.id}/_history/2`);
      expect(headers).toHaveProperty('last-modified');
      expect((await api.call('GET', `/Consent/${resource.id}/_history/1`)).resource.status).toBe('active');
    },
  },
  45: {
    asks: 'S: the patient of a Consent cannot change',
    holds: async () => {
      const resource = await created(preference(somebody()));
      const other = { ...preference(somebody()), id: resource.id };
      isRefused(await update(other, 'W/"1"'), 422, 'INVALID_RESOURCE', 'invalid');
      isRefused(
        await update({ ...resource, purpose: preference(1, 'HOPERAT').purpose }, 'W/"1"'),
        422,
        'INVALID_RESOURCE',
      );
    },
  },
  46: {
    asks: 'C: dateTime is the moment of the change',
    holds: async () => {
      const nhsNumber = somebody();
      const client = api.client();
      await client.state(newConsent(ndopConsent(nhsNumber)));
      const began = Date.now();
      await client.state(newConsent(without(ndopConsent(nhsNumber, 'inactive'), 'dateTime')));
      const found = await client.find(nhsNumber, 'NDOP');
      expect(found?.status).toBe('inactive');
      expect(Date.parse(String(found?.dateTime))).toBeGreaterThanOrEqual(began);
    },
  },
  47: {
    asks: 'C: after 409, read again and apply again',
    holds: async () => {
      const nhsNumber = somebody();
      const at = (versionId: string) => {
        const held = { ...ndopConsent(nhsNumber), id: idA, meta: { versionId, profile: [ndopProfile] } };
        return searchset(nhsNumber, { total: 1, entry: [{ resource: held, search: { mode: 'match' } }] });
      };
      const { client, sent } = clientOf(
        at('1'),
        outcome(409, 'INVALID_REQUEST_STATE'),
        at('2'),
        writtenAt(`/Consent/${idA}`, 'W/"3"'),
      );
      expect(await client.state(newConsent(ndopConsent(nhsNumber, 'inactive')))).toEqual({ id: idA, versionId: '3' });
      expect(sent.filter(({ method }) => method === 'PUT').map(({ headers }) => headers['if-match'])).toEqual([
        'W/"1"',
        'W/"2"',
      ]);
    },
  },
  48: {
    asks: 'S: neither conditional update nor patch nor delete',
    holds: async () => {
      const resource = await created(preference(somebody()));
      for (const [method, target] of [
        ['PUT', `/Consent?patient=${people}`],
        ['PATCH', `/Consent/${resource.id}`],
        ['DELETE', `/Consent/${resource.id}`],
      ] as const) {
        const answer = await api.call(method, target, { body: resource });
        isRefused(answer, 405, 'BAD_REQUEST', 'not-supported');
        expect(answer.headers.allow).toBe(method === 'PUT' ? 'GET, POST' : 'GET, PUT');
      }
      expect((await api.call('GET', `/Consent/${resource.id}`)).status).toBe(200);
    },
  },
  49: {
    asks: 'S: a new version for every change, whatever a client says of it',
    holds: async () => {
      const resource = await created({
        ...ndopConsent(somebody()),
        meta: { profile: [ndopProfile], versionId: '7', lastUpdated: '2020-01-01T00:00:00Z' },
      });
      expect(resource.meta.versionId).toBe('1');
      expect(resource.meta.lastUpdated).not.toMatch(/^2020/);
      expect((await update({ ...resource, status: 'inactive' }, 'W/"1"')).headers.etag).toBe('W/"2"');
      // What changes nothing makes no version.
      expect((await update({ ...resource, status: 'inactive' }, 'W/"2"')).headers.etag).toBe('W/"2"');
    },
  },
  50: {
    asks: 'S: the version asked for, or 404',
    holds: async () => {
      const resource = await created(preference(somebody()));
      await update({ ...resource, status: 'inactive' }, 'W/"1"');
      for (const [versionId, status] of [
        ['1', 'active'],
        ['2', 'inactive'],
      ] as const) {
        const version = await api.call('GET', `/Consent/${resource.id}/_history/${versionId}`);
        expect(version.resource).toMatchObject({ id: resource.id, status, meta: { versionId } });
        expect(version.headers.etag).toBe(`W/"${versionId}"`);
      }
      isRefused(await api.call('GET', `/Consent/${resource.id}/_history/3`), 404, 'NO_RECORD_FOUND');
      isRefused(await api.call('GET', `/Consent/${resource.id}/_history/a%20b`), 404, 'NO_RECORD_FOUND');
    },
  },
  51: {
    asks: 'S: history newest first, with what was done',
    holds: async () => {
      const resource = await created(preference(somebody()));
      await update({ ...resource, status: 'inactive' }, 'W/"1"');
      const history = await versions(resource.id);
      expect(history).toMatchObject({
        type: 'history',
        total: 2,
        entry: [
          { resource: { meta: { versionId: '2' } }, request: { method: 'PUT', url: `Consent/${resource.id}` } },
          { resource: { meta: { versionId: '1' } }, request: { method: 'POST', url: 'Consent' } },
        ],
      });
      expect(faultsOf(history)).toEqual([]);
    },
  },
  52: {
    asks: 'S: a history by patient and version',
    holds: async () => {
      const nhsNumber = somebody();
      const resource = await created(preference(nhsNumber));
      await update({ ...resource, status: 'inactive' }, 'W/"1"');
      await created(preference(nhsNumber, 'HOPERAT'));
      const all = await api.call('GET', `/Consent/_history?patient=${nhsNumber}`);
      expect(all.resource.total).toBe(3);
      const one = await api.call('GET', `/Consent/_history?patient=${nhsNumber}&versionId=2`);
      expect(one.resource).toMatchObject({ total: 1, entry: [{ resource: { id: resource.id } }] });
      isRefused(await api.call('GET', '/Consent/_history'), 400, 'BAD_REQUEST');
    },
  },
  53: {
    asks: 'C: versions are opaque',
    holds: async () => {
      const { client } = clientOf(
        writtenAt(
          `/Consent/${idA}/_history/c0a1f7c2-51f4-4f0b-8f0e-2f7b7a3f9e10`,
          'W/"c0a1f7c2-51f4-4f0b-8f0e-2f7b7a3f9e10"',
        ),
      );
      expect(await client.create(newConsent(ndopConsent(somebody())))).toMatchObject({
        versionId: 'c0a1f7c2-51f4-4f0b-8f0e-2f7b7a3f9e10',
      });
    },
  },
  54: {
    asks: 'S: Prefer, minimal where nothing is said',
    holds: async () => {
      expect((await create(preference(somebody()))).text).toBe('');
      expect((await create(preference(somebody()), { prefer: 'return=minimal' })).text).toBe('');
      expect((await create(preference(somebody()), { prefer: 'return=representation' })).resource.resourceType).toBe(
        'Consent',
      );
      const told = await create(preference(somebody()), { prefer: 'handling=strict; return=OperationOutcome' });
      expect(told.resource.issue[0]).toMatchObject({
        severity: 'information',
        code: 'informational',
        details: { coding: [{ code: 'RESOURCE_CREATED' }] },
      });
    },
  },
  55: {
    asks: 'S+C: exactly one source of the opt-out, of the list',
    holds: async () => {
      const body = ndopConsent(somebody());
      for (const code of ['OP', 'PFSP', 'FN', 'CC', 'PP', 'MG']) {
        expect((await create({ ...ndopConsent(somebody()), extension: [optOutSource(code)] })).status).toBe(201);
      }
      await refusedByBoth({ ...body, extension: [optOutSource('GP')] }, 400, 'INVALID_CODE_VALUE', 'code-invalid');
      await refusedByBoth({ ...body, extension: [nicReference()] }, 422, 'INVALID_RESOURCE');
      await refusedByBoth({ ...body, extension: [optOutSource(), optOutSource()] }, 422, 'INVALID_RESOURCE');
    },
  },
  56: {
    asks: 'S+C: one proxy role at most, of the list',
    holds: async () => {
      for (const code of ['COURTDEP', 'POA', 'GUARDIAN']) {
        expect((await create({ ...byAttorney(somebody()), extension: [optOutSource(), proxyRole(code)] })).status).toBe(
          201,
        );
      }
      await refusedByBoth(
        { ...byAttorney(somebody()), extension: [optOutSource(), proxyRole('MTH')] },
        400,
        'INVALID_CODE_VALUE',
      );
      const two = [optOutSource(), proxyRole(), proxyRole('GUARDIAN')];
      await refusedByBoth({ ...byAttorney(somebody()), extension: two }, 422, 'INVALID_RESOURCE');
    },
  },
  57: {
    asks: 'S+C: one NIC reference at most, and a text',
    holds: async () => {
      const body = ndopConsent(somebody());
      await refusedByBoth({ ...body, extension: [optOutSource(), nicReference('')] }, 400, 'INVALID_ELEMENT');
      await refusedByBoth(
        { ...body, extension: [optOutSource(), nicReference(), nicReference()] },
        422,
        'INVALID_RESOURCE',
      );
      expect((await create({ ...body, extension: [optOutSource(), nicReference()] })).status).toBe(201);
    },
  },
  58: {
    asks: 'S+C: either the patient or a proxy decides',
    holds: async () => {
      const isTaken = async (party: boolean, proxy: boolean) => {
        const body = ndopConsent(somebody());
        const extension = [optOutSource(), ...(proxy ? [proxyRole()] : [])];
        const { status } = await create({ ...(party ? body : without(body, 'consentingParty')), extension });
        return status;
      };
      expect([
        await isTaken(true, false),
        await isTaken(false, true),
        await isTaken(true, true),
        await isTaken(false, false),
      ]).toEqual([201, 201, 422, 422]);
    },
  },
  59: {
    asks: 'S+C: active or inactive',
    holds: async () => {
      await refusedByBoth(ndopConsent(somebody(), 'proposed'), 422, 'INVALID_RESOURCE');
      await refusedByBoth(ndopConsent(somebody(), 'out'), 400, 'INVALID_CODE_VALUE');
    },
  },
  60: {
    asks: 'S+C: the patient by prefix and valid number',
    holds: async () => {
      const naming = (reference: string) => ({
        ...ndopConsent(somebody()),
        patient: { reference },
        consentingParty: [{ reference }],
      });
      await refusedByBoth(naming(referenceTo(9_990_000_019)), 400, 'INVALID_NHS_NUMBER');
      await refusedByBoth(naming('9990000018'), 422, 'INVALID_RESOURCE');
      await refusedByBoth(naming('https://example.org/Patient/9990000018'), 422, 'INVALID_RESOURCE');
    },
  },
  61: {
    asks: 'S+C: whoever consents is the patient',
    holds: async () => {
      await refusedByBoth(
        { ...ndopConsent(somebody()), consentingParty: [{ reference: referenceTo(somebody()) }] },
        422,
        'INVALID_RESOURCE',
      );
    },
  },
  62: {
    asks: 'S+C: dateTime with date, time, seconds and zone',
    holds: async () => {
      for (const dateTime of [
        '1988-11-11T11:45+00:00',
        '2026-11-20T24:00:00Z',
        '2026-11-20T05:59:00',
        '2026/11/20T05:59:00Z',
      ]) {
        await refusedByBoth({ ...ndopConsent(somebody()), dateTime }, 400, 'INVALID_ELEMENT');
      }
      await refusedByBoth({ ...ndopConsent(somebody()), dateTime: '2026-11-20' }, 422, 'INVALID_RESOURCE');
    },
  },
  63: {
    asks: 'S+C: one organization, X26',
    holds: async () => {
      const body = ndopConsent(somebody());
      await refusedByBoth(without(body, 'organization'), 422, 'INVALID_RESOURCE');
      await refusedByBoth(
        {
          ...body,
          organization: [{ reference: 'https://directory.spineservices.nhs.uk/STU3/Organization/A81001' }],
        },
        422,
        'INVALID_RESOURCE',
      );
      const two = [...body.organization, ...body.organization];
      await refusedByBoth({ ...body, organization: two }, 422, 'INVALID_RESOURCE');
    },
  },
  64: {
    asks: 'S+C: one policy with a uri; its authority may be left out',
    holds: async () => {
      const body = ndopConsent(somebody());
      await refusedByBoth({ ...body, policy: [{ authority: 'https://www.gov.uk/' }] }, 422, 'INVALID_RESOURCE');
      await refusedByBoth({ ...body, policy: [...body.policy, ...body.policy] }, 422, 'INVALID_RESOURCE');
      expect((await create({ ...body, policy: [{ uri: 'https://www.gov.uk/policy' }] })).status).toBe(201);
    },
  },
  65: {
    asks: 'S+C: one purpose, of SNOMED CT, its system written as FHIR does',
    holds: async () => {
      const body = ndopConsent(somebody());
      await refusedByBoth({ ...body, purpose: [without(body.purpose[0]!, 'display')] }, 422, 'INVALID_RESOURCE');
      await refusedByBoth({ ...body, purpose: [...body.purpose, ...body.purpose] }, 422, 'INVALID_RESOURCE');
      await refusedByBoth({ ...body, purpose: [{ ...body.purpose[0], code: '1' }] }, 400, 'INVALID_CODE_VALUE');
      const resource = await created({ ...body, purpose: [{ ...body.purpose[0], system: 'https://snomed.info/sct' }] });
      expect(resource.purpose).toEqual(body.purpose);
    },
  },
  66: {
    asks: 'S+C: one category at most, coded and without text',
    holds: async () => {
      const coding = {
        system: 'https://fhir.nhs.uk/STU3/CodeSystem/NDOP-OptOutCategory-1',
        code: 'NDOP',
        display: 'National Data Opt-out',
      };
      const body = ndopConsent(somebody());
      await refusedByBoth({ ...body, category: [{ coding: [coding], text: 'x' }] }, 422, 'INVALID_RESOURCE');
      await refusedByBoth({ ...body, category: [{ coding: [coding] }, { coding: [coding] }] }, 422, 'INVALID_RESOURCE');
      expect(await created({ ...body, category: [{ coding: [coding] }] })).toMatchObject({
        category: [{ coding: [coding] }],
      });
    },
  },
  67: {
    asks: 'S+C: what the profile leaves out is not there',
    holds: async () => {
      const concept = { text: 'x' };
      const reference = { reference: 'urn:x' };
      const forbidden = {
        period: { start: '2026-11-20' },
        actor: [{ role: { coding: [{ system: 'urn:x', code: 'INF' }] }, reference }],
        action: [concept],
        sourceReference: reference,
        policyRule: 'urn:x',
        securityLabel: [{ code: 'R' }],
        dataPeriod: { start: '2026-11-20' },
        data: [{ meaning: 'instance', reference }],
        except: [{ type: 'deny' }],
      };
      const body = ndopConsent(somebody());
      for (const [name, value] of Object.entries(forbidden))
        await refusedByBoth({ ...body, [name]: value }, 422, 'INVALID_RESOURCE', 'invalid');
    },
  },
  68: {
    asks: 'S+C: the profile is named',
    holds: async () => {
      expect((await created(ndopConsent(somebody()))).meta.profile).toEqual([ndopProfile]);
      await refusedByBoth({ ...ndopConsent(somebody()), meta: { profile: ['urn:x'] } }, 400, 'INVALID_CODE_SYSTEM');
    },
  },
  69: {
    asks: 'S+C: an identifier has system and value alone',
    holds: async () => {
      const body = ndopConsent(somebody());
      await refusedByBoth(
        { ...body, identifier: { use: 'official', system: 'urn:x', value: 'y' } },
        422,
        'INVALID_RESOURCE',
      );
      await refusedByBoth({ ...body, identifier: [{ system: 'urn:x', value: 'y' }] }, 400, 'INVALID_ELEMENT');
      expect(await created({ ...body, identifier: { system: 'urn:x', value: 'y' } })).toMatchObject({
        identifier: { value: 'y' },
      });
    },
  },
  70: {
    asks: 'C: active is opted out; inactive and none are not',
    holds: async () => {
      const nhsNumber = somebody();
      const client = api.client();
      const seen = [await client.isOptedOut(nhsNumber, 'NDOP')];
      for (const status of ['active', 'inactive']) {
        await client.state(newConsent(ndopConsent(nhsNumber, status)));
        seen.push(await client.isOptedOut(nhsNumber, 'NDOP'));
      }
      expect(seen).toEqual([false, true, false]);
    },
  },
  71: {
    asks: 'C: whatever fails is never a no',
    holds: async () => {
      const nhsNumber = somebody();
      const failures = [
        new Error('no answer'),
        outcome(500, 'INTERNAL_SERVER_ERROR'),
        outcome(404, 'NO_RECORD_FOUND'),
        new Response('not JSON'),
        new Response('{}'),
        new Response('<html/>', { status: 403 }),
      ];
      for (const failure of failures) await thrownBy(clientOf(failure).client.isOptedOut(nhsNumber, 'HRESCH'));
    },
  },
  72: {
    asks: 'C: opted in again by an update, never by a delete',
    holds: async () => {
      const nhsNumber = somebody();
      const methods: string[] = [];
      const client = api.client({ send: (url, call) => (methods.push(call.method), api.send(url, call)) });
      const { id } = await client.state(newConsent(ndopConsent(nhsNumber)));
      expect(await client.state(newConsent(ndopConsent(nhsNumber, 'inactive')))).toEqual({ id, versionId: '2' });
      expect(methods).toEqual(['POST', 'POST', 'POST', 'PUT']);
    },
  },
  73: {
    asks: 'C: no number and no body in an error',
    holds: async () => {
      const nhsNumber = somebody();
      const body = JSON.stringify({ ...outcomeOf('BAD_REQUEST'), text: String(nhsNumber) });
      const error = await thrownBy(clientOf(outcome(400, '', body)).client.state(newConsent(ndopConsent(nhsNumber))));
      expect(JSON.stringify([error, error.message])).not.toContain(String(nhsNumber));
      expect(error.outcomeId).toBe('outcome-1');
    },
  },
  74: {
    asks: 'S: every error carries an outcome in the form of the Spine',
    holds: async () => {
      const errors = [
        await api.call('GET', '/Patient'),
        await api.call('DELETE', '/Consent'),
        await search(somebody(), '&_format=yaml'),
        await api.call('POST', '/Consent', { body: '{', headers: { 'content-type': 'application/fhir+json' } }),
        await create({}),
        await api.call('GET', `/Consent/${somebody()}`),
      ];
      expect(errors.map(({ status }) => status)).toEqual([404, 405, 415, 400, 400, 404]);
      for (const { resource } of errors) {
        expect(faultsOf(resource)).toEqual([]);
        expect(resource).toMatchObject({
          id: expect.any(String),
          meta: { profile: ['https://fhir.nhs.uk/STU3/StructureDefinition/Spine-OperationOutcome-1'] },
          issue: [
            {
              severity: 'error',
              details: {
                coding: [
                  {
                    system: 'https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1',
                    display: expect.any(String),
                  },
                ],
              },
            },
          ],
        });
        expect(resource.issue).toHaveLength(1);
      }
    },
  },
  75: {
    asks: 'S: what is particular stands in diagnostics, and no number',
    holds: async () => {
      const { resource } = await api.call('GET', '/Consent?patient=9990000019');
      const [{ details, diagnostics }] = resource.issue;
      expect(details.coding[0].display).toBe('Invalid NHS number');
      expect(diagnostics).toContain('check digit');
      expect(JSON.stringify(resource)).not.toContain('9990000019');
    },
  },
  76: {
    asks: 'C: by status first; an outcome may lack its details',
    holds: async () => {
      const bare = JSON.stringify({
        resourceType: 'OperationOutcome',
        issue: [{ severity: 'error', code: 'conflict' }],
      });
      expect(
        await thrownBy(clientOf(outcome(422, '', bare)).client.create(newConsent(ndopConsent(somebody())))),
      ).toMatchObject({ status: 422, issueType: 'conflict', code: undefined });
      expect(
        await thrownBy(clientOf(outcome(422, '', '')).client.create(newConsent(ndopConsent(somebody())))),
      ).toMatchObject({ status: 422, issueType: undefined });
    },
  },
  77: {
    asks: 'C: codes however they are spelt, of whatever system',
    holds: async () => {
      for (const code of ['ACCESS DENIED', 'ACCESS_DENIED']) {
        expect(await thrownBy(clientOf(outcome(403, code)).client.search(somebody()))).toMatchObject({
          status: 403,
          code: 'ACCESS_DENIED',
        });
      }
      for (const code of ['NO_ORGANISATION_CONSENT', 'NO_ORGANISATIONAL_CONSENT']) {
        const error = await thrownBy(clientOf(outcome(403, code)).client.search(somebody()));
        expect(error.code).toBe('NO_ORGANISATIONAL_CONSENT');
      }
    },
  },
  78: {
    asks: 'C: again after 429, 502, 503, 504 and no answer, three times at most; a create only after a search',
    holds: async () => {
      const nhsNumber = somebody();
      for (const failure of [429, 502, 503, 504].map((status) => outcome(status, 'x'))) {
        const { client, sent } = clientOf(failure, failure, failure, searchset(nhsNumber));
        expect(await client.search(nhsNumber)).toEqual([]);
        expect(sent).toHaveLength(4);
      }
      const never = clientOf(new Error('no answer'));
      await thrownBy(never.client.search(nhsNumber));
      expect(never.sent).toHaveLength(4);
      const once = clientOf(outcome(500, 'INTERNAL_SERVER_ERROR'));
      await thrownBy(once.client.search(nhsNumber));
      expect(once.sent).toHaveLength(1);
      const create = clientOf(
        searchset(nhsNumber),
        new Error('no answer'),
        searchset(nhsNumber),
        writtenAt(`/Consent/${idA}`, 'W/"1"'),
      );
      await create.client.state(newConsent(ndopConsent(nhsNumber)));
      expect(create.sent.map(({ url }) => url.pathname)).toEqual([
        '/Consent/_search',
        '/Consent',
        '/Consent/_search',
        '/Consent',
      ]);
    },
  },
  79: {
    asks: 'S: the capability statement, and nothing untrue in it',
    holds: async () => {
      const { status, resource } = await api.call('GET', '/metadata');
      expect(status).toBe(200);
      expect(faultsOf(resource)).toEqual([]);
      expect(readXml((await api.call('GET', '/metadata?_format=xml')).text)).toEqual(resource);
      const [consent] = resource.rest[0].resource;
      expect({ ...resource, rest: undefined }).toMatchObject({
        fhirVersion: '3.0.1',
        acceptUnknown: 'no',
        kind: 'instance',
      });
      expect(consent).toMatchObject({
        type: 'Consent',
        profile: { reference: ndopProfile },
        versioning: 'versioned-update',
        readHistory: true,
        updateCreate: false,
        conditionalCreate: false,
        conditionalUpdate: false,
      });
      expect(consent.interaction.map(({ code }: { code: string }) => code).sort()).toEqual([
        'create',
        'history-instance',
        'history-type',
        'read',
        'search-type',
        'update',
        'vread',
      ]);
      const parameters = consent.searchParam.map(({ name }: { name: string }) => name);
      const values: Record<string, string> = {
        _id: idB,
        _profile: ndopProfile,
        patient: String(somebody()),
        'patient.identifier': String(somebody()),
        purpose: 'HRESCH',
        status: 'active',
      };
      expect(parameters.sort()).toEqual(Object.keys(values).sort());
      for (const name of parameters) {
        const patient = name.startsWith('patient') ? '' : `&patient=${somebody()}`;
        expect(
          (await api.call('GET', `/Consent?${name}=${encodeURIComponent(values[name] ?? '')}${patient}`)).status,
        ).toBe(200);
      }
    },
  },
  80: {
    asks: 'C: may look at what the other side is',
    holds: async () => {
      await api.client().requireApi();
      const other = new Response(JSON.stringify({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' }));
      await thrownBy(clientOf(other).client.requireApi());
    },
  },
  81: {
    asks: 'M: valid R4, with scope and category, without what STU3 alone has',
    holds: async () => {
      const { id } = await created(byAttorney(somebody()));
      const held = heldInR4(id);
      expect(
        new Fhir()
          .validate(held, { errorOnUnexpected: true })
          .messages.filter(({ severity }) => String(severity) === 'error'),
      ).toEqual([]);
      expect(held.scope.coding[0].code).toBe('patient-privacy');
      expect(held.category.length).toBeGreaterThan(0);
      for (const name of ['consentingParty', 'purpose', 'actor']) expect(held).not.toHaveProperty(name);
    },
  },
  82: {
    asks: 'M: the status as it is',
    holds: async () => {
      for (const status of ['active', 'inactive'])
        expect(heldInR4((await created(ndopConsent(somebody(), status))).id).status).toBe(status);
    },
  },
  83: {
    asks: 'M: the three extensions letter by letter, and none beside',
    holds: async () => {
      const body = byAttorney(somebody());
      expect(heldInR4((await created(body)).id).extension).toEqual(body.extension);
    },
  },
  84: {
    asks: 'M: numbers and codes as identifiers, from which references come back',
    holds: async () => {
      const body = ndopConsent(somebody());
      const resource = await created(body);
      expect(heldInR4(resource.id)).toMatchObject({
        patient: {
          identifier: { system: 'https://fhir.nhs.uk/Id/nhs-number', value: body.patient.reference.slice(-10) },
        },
        organization: [{ identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: 'X26' } }],
      });
      expect(resource).toMatchObject({ patient: body.patient, organization: body.organization });
    },
  },
  85: {
    asks: 'M: id, version and time of STU3 survive',
    holds: async () => {
      const resource = await created(ndopConsent(somebody()));
      const { id, meta } = heldInR4(resource.id);
      expect(resource).toMatchObject({ id, meta: { versionId: meta.versionId, lastUpdated: meta.lastUpdated } });
    },
  },
  86: {
    asks: 'M: no type at the root provision, and no verification',
    holds: async () => {
      const held = heldInR4((await created(ndopConsent(somebody()))).id);
      expect(held.provision).not.toHaveProperty('type');
      expect(held).not.toHaveProperty('verification');
    },
  },
  87: {
    asks: 'M: there and back is what it was (any: test/shared/noom/r4-consent.test.ts)',
    holds: async () => {
      for (const body of [ndopConsent(somebody()), byAttorney(somebody()), preference(somebody())]) {
        const resource = await created(body);
        expect({
          ...without(resource, 'id', 'meta'),
          meta: without(resource.meta, 'versionId', 'lastUpdated'),
        }).toEqual({ meta: {}, ...body });
      }
    },
  },
  88: {
    asks: 'M: what is forbidden or not understood stops the conversion',
    holds: async () => {
      const before = [...api.healthLake.resources('Consent')].length;
      const body = ndopConsent(somebody());
      for (const more of [
        { modifierExtension: [{ url: 'urn:x', valueString: 'y' }] },
        { except: [{ type: 'permit' }] },
      ]) {
        expect((await create({ ...body, ...more })).status).toBeGreaterThanOrEqual(400);
      }
      expect([...api.healthLake.resources('Consent')]).toHaveLength(before);
    },
  },
  89: {
    asks: 'M: what was learned over MESH says so, and who decided is not made up',
    holds: async () => {
      const { id } = await api.learn(somebody(), 'active');
      const { resource } = await api.call('GET', `/Consent/${id}`);
      expect(heldInR4(id).meta.source).toContain(`${namespace}/consent-sync#`);
      expect(resource.meta.tag).toEqual([{ system: `${namespace}/CodeSystem/dataset`, code: 'ndop-consent' }]);
      for (const name of ['extension', 'consentingParty']) expect(resource).not.toHaveProperty(name);
      expect(resource.meta).not.toHaveProperty('profile');
    },
  },
  90: {
    asks: 'M: R4 never claims the STU3 profile',
    holds: async () => {
      expect(heldInR4((await created(ndopConsent(somebody()))).id).meta).not.toHaveProperty('profile');
    },
  },
};

it('has every line, each with its case or with the reason why it does not apply', () => {
  expect(Object.keys(lines).map(Number)).toEqual(Array.from({ length: 90 }, (_, index) => index + 1));
  for (const { holds, otherwise } of Object.values(lines))
    expect((holds === undefined) !== (otherwise === undefined)).toBe(true);
});

describe('lines', () => {
  const cases = Object.entries(lines).flatMap(([line, { asks, holds }]) => (holds ? [{ line, asks, holds }] : []));
  test.each(cases)('$line. $asks', ({ holds }) => holds());
});
