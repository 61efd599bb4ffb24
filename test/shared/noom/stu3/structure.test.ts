import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { hasRepeatedMembers } from '../../../../shared/noom/stu3/repeated-members.ts';
import { structureFaultOf } from '../../../../shared/noom/stu3/structure.ts';
import { byAttorney, ndopConsent, people, preference } from '../../../support/preferences.ts';
import { faultsOf } from '../../../support/stu3-types.ts';

const consent = preference(people.anne);
const narrative = (div: unknown) => ({ ...consent, text: { status: 'generated', div } });
const xhtml = (content: string) => `<div xmlns="http://www.w3.org/1999/xhtml">${content}</div>`;

test.each([
  ['a preference', consent],
  ['the later profile', ndopConsent(people.anne)],
  ['a proxy', byAttorney(people.anne)],
  ['a narrative', narrative(xhtml('<p>Opted <b>out</b>, see <a href="https://www.nhs.uk">nhs.uk</a></p>'))],
  ['elements that profiles forbid', { ...consent, period: { start: '2024-02-29' }, sourceIdentifier: { value: 'x' } }],
])('%s is a resource, here and by the types of another hand', (_, resource) => {
  expect(structureFaultOf(resource)).toBeUndefined();
  expect(faultsOf(resource)).toEqual([]);
});

describe('faults', () => {
  test.each([
    { resource: undefined, path: 'the body', problem: 'must be a JSON object' },
    { resource: [consent], path: 'the body', problem: 'must be a JSON object' },
    { resource: 'text', path: 'the body', problem: 'must be a JSON object' },
    { resource: {}, path: 'resourceType', problem: 'is missing, or names' },
    { resource: { resourceType: 'Patient' }, path: 'resourceType', problem: 'is missing, or names' },
    { resource: { resourceType: 'Consent' }, path: 'Consent', problem: 'must not be empty' },
    {
      resource: { ...consent, __proto__: undefined, consenter: 'x' },
      path: 'Consent.consenter',
      problem: 'not a known',
    },
    { resource: { ...consent, '9990000018': 'x' }, path: 'Consent.(a name that is not shown)', problem: 'not a known' },
    { resource: { ...consent, _status: { id: 'x' } }, path: 'Consent._status', problem: 'not a known' },
    {
      resource: JSON.parse('{"resourceType":"Consent","__proto__":{}}') as unknown,
      path: 'Consent.(a name',
      problem: 'not a known',
    },
    { resource: { ...consent, purpose: consent.purpose[0] }, path: 'Consent.purpose', problem: 'must be a JSON array' },
    { resource: { ...consent, purpose: [] }, path: 'Consent.purpose', problem: 'must not be empty' },
    { resource: { ...consent, purpose: [{}] }, path: 'Consent.purpose[0]', problem: 'must not be empty' },
    { resource: { ...consent, patient: [consent.patient] }, path: 'Consent.patient', problem: 'must be a JSON object' },
    { resource: { ...consent, patient: null }, path: 'Consent.patient', problem: 'must be a JSON object' },
    { resource: { ...consent, status: 1 }, path: 'Consent.status', problem: 'must be of the type code' },
    { resource: { ...consent, status: null }, path: 'Consent.status', problem: 'must be of the type code' },
    { resource: { ...consent, status: '' }, path: 'Consent.status', problem: 'must be of the type code' },
    { resource: { ...consent, status: undefined }, path: 'Consent.status', problem: 'must be of the type code' },
    {
      resource: { ...consent, policyRule: 'two words' },
      path: 'Consent.policyRule',
      problem: 'must be of the type uri',
    },
    {
      resource: { ...consent, dateTime: '1988-11-11T11:45+00:00' },
      path: 'Consent.dateTime',
      problem: 'type dateTime',
    },
    { resource: { ...consent, dateTime: '2026-11-20T24:00:00Z' }, path: 'Consent.dateTime', problem: 'type dateTime' },
    { resource: { ...consent, dateTime: '2026-11-20T05:59:00' }, path: 'Consent.dateTime', problem: 'type dateTime' },
    { resource: { ...consent, dateTime: '2026/11/20T05:59:00Z' }, path: 'Consent.dateTime', problem: 'type dateTime' },
    { resource: { ...consent, dateTime: '2026-02-29T05:59:00Z' }, path: 'Consent.dateTime', problem: 'type dateTime' },
    { resource: { ...consent, meta: { versionId: 'a b' } }, path: 'Consent.meta.versionId', problem: 'type id' },
    {
      resource: { ...consent, actor: [{ role: { text: 'x' } }] },
      path: 'Consent.actor[0].reference',
      problem: 'is missing',
    },
    {
      resource: { ...consent, contained: [{ resourceType: 'Patient' }] },
      path: 'Consent.contained[0].resourceType',
      problem: 'is missing, or names',
    },
    { resource: narrative('<p>text</p>'), path: 'Consent.text.div', problem: 'XHTML' },
    { resource: narrative('text'), path: 'Consent.text.div', problem: 'XHTML' },
    { resource: narrative(xhtml('<p>')), path: 'Consent.text.div', problem: 'XHTML' },
    { resource: narrative(`${xhtml('')}${xhtml('')}`), path: 'Consent.text.div', problem: 'XHTML' },
    { resource: narrative(xhtml('<script>alert(1)</script>')), path: 'Consent.text.div', problem: 'XHTML' },
    { resource: narrative(xhtml('<p onclick="x()">x</p>')), path: 'Consent.text.div', problem: 'XHTML' },
    { resource: narrative(xhtml('<a href="javascript:x()">x</a>')), path: 'Consent.text.div', problem: 'XHTML' },
    {
      resource: narrative(`<!DOCTYPE div [<!ENTITY a "b">]>${xhtml('&a;')}`),
      path: 'Consent.text.div',
      problem: 'XHTML',
    },
  ])('$path $problem', ({ resource, path, problem }) => {
    const fault = structureFaultOf(resource);
    expect(fault?.path).toContain(path);
    expect(fault?.problem).toContain(problem);
  });

  it('tells what is nested without end', () => {
    let contained: object = consent;
    for (let level = 0; level < 5_000; level += 1) contained = { ...consent, contained: [contained] };
    expect(structureFaultOf(contained)?.problem).toBe('is nested too deeply');
  });
});

describe('members of JSON', () => {
  test.each([
    { text: '{"a":1,"a":2}', isRepeated: true },
    { text: '{"a":{"b":1},"c":[{"b":1},{"b":2}]}', isRepeated: false },
    { text: '{"a":{"b":1,"c":2,"b":1}}', isRepeated: true },
    { text: String.raw`{"status":"active","st\u0061tus":"inactive"}`, isRepeated: true },
    { text: String.raw`{"a":"\"a\":1","b":"{\"b\":"}`, isRepeated: false },
    { text: '[{"a":1},{"a":1}]', isRepeated: false },
  ])('$text repeats one: $isRepeated', ({ text, isRepeated }) => {
    expect(hasRepeatedMembers(text)).toBe(isRepeated);
  });

  it('are never repeated in what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(hasRepeatedMembers(JSON.stringify(value))).toBe(false);
      }),
    );
  });
});
