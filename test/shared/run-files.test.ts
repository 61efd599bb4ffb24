import { describe, expect, it } from '@jest/globals';
import { runFiles } from '../../shared/run-files.ts';

describe('keys of files', () => {
  const runId = '20260901T020000Z-7f3a';

  it('tell run, part and attempt', () => {
    expect(runFiles.cohort(runId, 7, 2)).toBe(`runs/${runId}/cohort/part-0007.2.csv`);
    expect(runFiles.request(runId, 7, 51)).toBe(`runs/${runId}/request/part-0007.51.dat`);
    expect(runFiles.control(runId, 7, 51)).toBe(`runs/${runId}/request/part-0007.51.ctl`);
    expect(runFiles.snapshotPart(runId, 7, 2)).toBe(`snapshots/${runId}/part-0007.2.csv.gz`);
  });

  it('of what was set aside lie beside the changes', () => {
    const changes = runFiles.changes(runId, 7, 1, 'activations', 12);
    expect(changes).toBe(`runs/${runId}/changes/part-0007.1.activations-0012.csv`);
    expect(runFiles.setAside(changes, 'a1')).toBe(
      `runs/${runId}/writes/part-0007.1.activations-0012.a1.set-aside.ndjson`,
    );
  });

  it('of a message stay in its folder, whatever MESH calls it', () => {
    expect(runFiles.messageBody('20260105144117123456_B2C3D4')).toBe('inbox/20260105144117123456_B2C3D4/body');
    expect(runFiles.messageHeaders('../a/b')).toBe('inbox/..%2Fa%2Fb/headers.json');
  });
});
