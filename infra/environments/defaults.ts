import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Environment } from './environment.ts';

type Common = Pick<Environment, 'region' | 'replies' | 'plausibility' | 'keptDays' | 'schedule' | 'drain' | 'noom'> & {
  readonly cohort: Omit<Environment['cohort'], 'nhsNumberRanges'>;
  readonly fhir: Omit<Environment['fhir'], 'baseUrl' | 'createStore' | 'namespace' | 'odsCode'>;
};

/** What environments have in common until one of them says otherwise. */
export const defaults = {
  region: 'eu-west-2',
  replies: {
    pollPlan: [
      { untilSeconds: 7_200, everySeconds: 300 },
      { untilSeconds: 86_400, everySeconds: 900 },
      { everySeconds: 3_600 },
    ],
    deadlineSeconds: 5 * 86_400,
    maxInvalidNumbers: 100,
    maxPieces: 4_000,
  },
  cohort: {
    source: 'fhir-store',
    patientRead: 'export',
    exportDeadlineSeconds: 43_200,
    partRows: 100_000,
  },
  fhir: {
    patientReference: 'literal',
    bundleCalls: 8,
    provenance: true,
    bulkImportThreshold: 5_000_000,
    importDeadlineSeconds: 86_400,
    maxAgeDays: 21,
    retentionDays: 30,
  },
  plausibility: {
    rateGateFrom: 500,
    maxOptOutPercent: 15,
    maxChangePoints: 2,
    maxDeactivations: 5_000,
    reviewSeconds: 3 * 86_400,
  },
  keptDays: {
    cohorts: 30,
    exports: 3,
    imports: 3,
    runs: 90,
    inbox: 90,
    snapshots: 90,
    accessLogs: 400,
    logs: RetentionDays.THREE_MONTHS,
  },
  // Its first run needs the MESH secret; from then on it has to be enabled, run or no run.
  drain: { enabled: false, hour: 4, minute: 30 },
  schedule: { enabled: false, weekDay: 'MON', hour: 6, minute: 0 },
  noom: { enabled: false, auth: { kind: 'iam' }, ratePerSecond: 50, burst: 100 },
} satisfies Common;
