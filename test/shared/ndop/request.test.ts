import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import {
  buildControlFile,
  buildRequest,
  requestControl,
  requestName,
  sequenceMonth,
  startRowOf,
} from '../../../shared/ndop/request.ts';
import { sha256 } from '../../support/bodies.ts';
import { anyPeople, digitsOf, samplePeople } from '../../support/nhs-numbers.ts';

const sample = Float64Array.from(samplePeople);

describe('the bytes of a request', () => {
  test.each([
    {
      lineEnding: 'CRLF',
      bytes: 104,
      hash: '92c3cacacb977c98db78639ab950d899a09e0f5f72fe561e836d63119294f9de',
    },
    {
      lineEnding: 'LF',
      bytes: 96,
      hash: '163e5e4b67da70295e393c169ea47a205e84afa76de096af4c17216ab11690a2',
    },
  ] as const)('are those of the worked request with $lineEnding', ({ lineEnding, bytes, hash }) => {
    const body = buildRequest(sample, lineEnding);
    expect(body).toHaveLength(bytes);
    expect(sha256(body)).toBe(hash);
  });

  it('keep leading zeros', () => {
    expect(buildRequest(Float64Array.of(101010001), 'LF').toString()).toBe('0101010001,\n');
  });

  it('are none for nobody', () => {
    expect(buildRequest(new Float64Array(), 'CRLF')).toHaveLength(0);
    expect(startRowOf({ runId: '20260901T020000Z-7f3a', part: 1, attempt: 1 }, 0)).toBe(0);
  });

  it('begin at the row asked for and give every person once', () => {
    expect(buildRequest(Float64Array.of(1, 2, 3, 4), 'LF', 2).toString()).toBe(
      '0000000003,\n0000000004,\n0000000001,\n0000000002,\n',
    );
    fc.assert(
      fc.property(anyPeople(30, 1), fc.nat(1000), fc.constantFrom('CRLF', 'LF'), (numbers, start, lineEnding) => {
        const startAt = start % numbers.length;
        const lines = buildRequest(Float64Array.from(numbers), lineEnding, startAt).toString('latin1');
        const end = lineEnding === 'CRLF' ? '\r\n' : '\n';
        const rotated = [...numbers.slice(startAt), ...numbers.slice(0, startAt)];
        expect(lines).toBe(rotated.map((number) => `${digitsOf(number)},${end}`).join(''));
      }),
    );
  });

  it('differ from attempt to attempt, not from repeat to repeat', () => {
    const identity = { runId: '20260901T020000Z-7f3a', part: 1, attempt: 1 };
    const starts = [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => startRowOf({ ...identity, attempt }, 100_000));
    expect(new Set(starts).size).toBe(starts.length);
    expect(startRowOf(identity, 100_000)).toBe(startRowOf({ ...identity }, 100_000));
    const few = [1, 2, 3].map((attempt) => startRowOf({ ...identity, attempt }, 3));
    expect(new Set(few).size).toBe(3);
    for (const start of starts) expect(Number.isInteger(start) && start >= 0 && start < 100_000).toBe(true);
  });
});

describe('the name of a request', () => {
  test.each([
    { at: '2026-01-05T14:30:00Z', sequence: 1, name: 'RZZ99OT001-050126-0001', month: '202601' },
    { at: '2026-01-05T14:30:00Z', sequence: 12_345, name: 'RZZ99OT001-050126-12345', month: '202601' },
    { at: '2026-06-30T22:59:59Z', sequence: 7, name: 'RZZ99OT001-300626-0007', month: '202606' },
    // Midnight in England is 23:00 UTC in summer.
    { at: '2026-06-30T23:00:00Z', sequence: 7, name: 'RZZ99OT001-010726-0007', month: '202607' },
    { at: '2026-12-31T23:59:59Z', sequence: 50, name: 'RZZ99OT001-311226-0050', month: '202612' },
    { at: '2027-01-01T00:00:00Z', sequence: 50, name: 'RZZ99OT001-010127-0050', month: '202701' },
    // The clocks go back on the last Sunday of October.
    { at: '2026-10-24T23:30:00Z', sequence: 2, name: 'RZZ99OT001-251026-0002', month: '202610' },
    { at: '2026-10-25T23:30:00Z', sequence: 2, name: 'RZZ99OT001-251026-0002', month: '202610' },
  ])('sent at $at as number $sequence is $name, counted in $month', ({ at, sequence, name, month }) => {
    expect(requestName('RZZ99OT001', new Date(at), sequence)).toBe(name);
    expect(sequenceMonth(new Date(at))).toBe(month);
  });
});

describe('what travels beside the body', () => {
  const identity = { runId: '20260901T020000Z-7f3a', part: 3, attempt: 1 };
  const control = requestControl('RZZ99OT001-010926-0003', { from: 'RZZ99OT001', to: 'X26OT154' }, identity);

  it('names the workflow, the file, and the LocalID that comes back with each reply', () => {
    expect(control).toEqual({
      from: 'RZZ99OT001',
      to: 'X26OT154',
      workflowId: 'SPINE_NTT_UPHOLDING',
      subject: 'RZZ99OT001-010926-0003',
      fileName: 'RZZ99OT001-010926-0003.dat',
      localId: 'NDOP-20260901T020000Z-7f3a-0003-1',
    });
  });

  it('is written down as a MESH client would read it', () => {
    const name = 'RZZ99OT001-050126-0001';
    const written = buildControlFile({ ...control, subject: name, localId: 'NDOP-20260105T143000Z-01' });
    expect(written).toBe(`<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Data</MessageType>
  <WorkflowId>SPINE_NTT_UPHOLDING</WorkflowId>
  <To_DTS>X26OT154</To_DTS>
  <From_DTS>RZZ99OT001</From_DTS>
  <Subject>RZZ99OT001-050126-0001</Subject>
  <LocalId>NDOP-20260105T143000Z-01</LocalId>
  <Compress>Y</Compress>
  <AllowChunking>Y</AllowChunking>
  <Encrypted>N</Encrypted>
</DTSControl>
`);
  });

  it('escapes what XML would read as its own', () => {
    expect(buildControlFile({ ...control, subject: 'a<b>&c' })).toContain('<Subject>a&lt;b&gt;&amp;c</Subject>');
  });
});
