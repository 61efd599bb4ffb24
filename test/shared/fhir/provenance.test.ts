import { describe, expect, it, test } from '@jest/globals';
import { uuidOfUrl } from '../../../shared/fhir/uuid.ts';
import { provenanceOf, type WrittenChunk } from '../../../shared/fhir/provenance.ts';

const options = { namespace: 'https://fhir.example.nhs.uk/ndop', runId: '20260901T020000Z-7f3a', odsCode: 'RZZ99' };
const chunk: WrittenChunk = {
  chunk: '0001',
  consentIds: ['c5a83dd5-bc34-8efb-8712-de366c2ed3bb', '69f74e42-4ed6-8b60-bcaf-ea089bf8b78c'],
  activity: 'UPDATE',
  asAt: '2026-09-01T02:41:07Z',
  recorded: '2026-09-01T02:44:30Z',
  messageIds: ['20260901024107123456_ABCDEF'],
};

test.each([
  // As Python's uuid.uuid5(uuid.NAMESPACE_URL, …) has them; the first is a vector of its own test suite.
  { url: 'http://python.org/', uuid: '4c565f0d-3f5a-5890-b41b-20cf47701c5e' },
  {
    url: 'https://fhir.example.nhs.uk/ndop/provenance/20260901T020000Z-7f3a/0001',
    uuid: 'fea63d11-e959-5ec1-9299-ee9affc14407',
  },
])('the UUID of $url is $uuid', ({ url, uuid }) => {
  expect(uuidOfUrl(url)).toBe(uuid);
});

describe('the Provenance of a chunk', () => {
  it('is the same, byte for byte, when the chunk is written again', () => {
    expect(JSON.stringify(provenanceOf(chunk, options))).toBe(JSON.stringify(provenanceOf({ ...chunk }, options)));
  });

  it.each([
    { differs: 'the chunk', id: provenanceOf({ ...chunk, chunk: '0002' }, options).id },
    { differs: 'the run', id: provenanceOf(chunk, { ...options, runId: '20261001T020000Z-7f3a' }).id },
    { differs: 'the namespace', id: provenanceOf(chunk, { ...options, namespace: 'https://fhir.other.nhs.uk' }).id },
  ])('has another id where $differs is another', ({ id }) => {
    expect(id).not.toBe(provenanceOf(chunk, options).id);
  });

  it('names every Consent, every message and our organisation', () => {
    const made = provenanceOf({ ...chunk, messageIds: ['M1', 'M2'], activity: 'DELETE' }, options);
    expect(made.target.map(({ reference }) => reference)).toEqual(chunk.consentIds.map((id) => `Consent/${id}`));
    expect(made.entity.map(({ what }) => what.identifier.value)).toEqual(['M1', 'M2']);
    expect(made.agent[0]?.onBehalfOf?.identifier.value).toBe('RZZ99');
    expect(made.activity.coding[0]?.code).toBe('DELETE');
  });
});
