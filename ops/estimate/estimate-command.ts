import { readArguments, UsageError, wholeNumber } from '../../shared/command-line.ts';
import { estimate } from './estimate.ts';
import { printIdleMonth } from './idle.ts';
import { assumed } from './measured.ts';
import { printNoomCalls } from './noom.ts';
import { prices, pricesAt } from './prices.ts';
import { printEstimate } from './print-estimate.ts';
import { settings, type Scenario } from './settings.ts';

export const estimateUsage = `Usage: npm run ops -- estimate --patients N [options]

  --patients N               people in the cohort
  --opt-out-rate PERCENT     of them have opted out (default 5.4: England, March 2022)
  --change-rate PERCENT      of them change from one run to the next (default 0.05: 0.2 a month)
  --every-days N             days between two runs (default 7)
  --part-rows N              people in a part (default ${settings.partRows})
  --cohort csv|search|export how the cohort comes: a file in S3, or Patients by search or export (default csv)
  --reply-minutes N          from the last request to the last answer (default ${assumed.replySeconds / 60})
  --export-minutes N         that the store takes for its export (default ${assumed.exportSeconds / 60})
  --import-minutes N         that the store takes for an import (default: ${assumed.importedASecond} Consents a second)
  --bulk-import-threshold N  changes beyond which an import writes (default ${settings.bulkImportThreshold})
  --max-deactivations N      people released in one run before it is held (default ${settings.maxDeactivations})
  --idle                     instead, what a month costs in which no run starts
  --noom-calls N             instead, what N calls of the NOOM API cost
  --json                     the figures for machines

Needs no AWS account: arithmetic over what was measured (ops/estimate/measured.ts) and prices (ops/estimate/prices.ts).`;

/** What a first load and a regular run would move, take and cost. */
export function estimateCommand(args: string[]): string {
  const { values } = readArguments({
    args,
    options: {
      patients: { type: 'string' },
      'opt-out-rate': { type: 'string', default: '5.4' },
      'change-rate': { type: 'string', default: '0.05' },
      'every-days': { type: 'string', default: '7' },
      'part-rows': { type: 'string', default: String(settings.partRows) },
      cohort: { type: 'string', default: 'csv' },
      'reply-minutes': { type: 'string', default: String(assumed.replySeconds / 60) },
      'export-minutes': { type: 'string', default: String(assumed.exportSeconds / 60) },
      'import-minutes': { type: 'string' },
      'bulk-import-threshold': { type: 'string', default: String(settings.bulkImportThreshold) },
      'max-deactivations': { type: 'string', default: String(settings.maxDeactivations) },
      idle: { type: 'boolean' },
      'noom-calls': { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return estimateUsage;
  if (values.idle === true) return printIdleMonth();
  if (values['noom-calls'] !== undefined) return printNoomCalls(wholeNumber('--noom-calls', values['noom-calls'], 1));
  if (values.patients === undefined) throw new UsageError('Say for how many people: --patients N');
  const scenario: Scenario = {
    // Nobody has more numbers to give than there are.
    patients: wholeNumber('--patients', values.patients, 1, 1_000_000_000),
    optOutRate: shareOf('--opt-out-rate', values['opt-out-rate']),
    changeRate: shareOf('--change-rate', values['change-rate']),
    partRows: wholeNumber('--part-rows', values['part-rows'], 1, 500_000),
    everyDays: wholeNumber('--every-days', values['every-days'], 1, 365),
    source: sourceOf(values.cohort),
    replySeconds: 60 * wholeNumber('--reply-minutes', values['reply-minutes'], 0, 100_000),
    exportSeconds: 60 * wholeNumber('--export-minutes', values['export-minutes'], 0, 100_000),
    ...(values['import-minutes'] === undefined
      ? {}
      : { importSeconds: 60 * wholeNumber('--import-minutes', values['import-minutes'], 0, 100_000) }),
    bulkImportThreshold: wholeNumber('--bulk-import-threshold', values['bulk-import-threshold'], 1),
    maxDeactivations: wholeNumber('--max-deactivations', values['max-deactivations'], 1),
  };
  const first = estimate(scenario, 'first');
  const regular = estimate(scenario, 'regular');
  return values.json === true
    ? JSON.stringify({ scenario, first, regular, pricesAt, prices }, undefined, 2)
    : printEstimate(scenario, first, regular);
}

function shareOf(option: string, text: string): number {
  const percent = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || percent > 100)
    throw new UsageError(`${option} ${text}: must be a percentage from 0 to 100`);
  return percent / 100;
}

function sourceOf(text: string): Scenario['source'] {
  if (text === 'csv' || text === 'search' || text === 'export') return text;
  throw new UsageError(`--cohort ${text}: must be csv, search or export`);
}
