import type { Report, ReportedChanges } from './report.ts';

/** The report as one page that prints and needs nothing else. */
export function reportHtml(report: Report): string {
  const { cohort, changes, failure, review } = report;
  const title = `NDOP run ${report.runId}`;
  const sections = [
    `<h1>${escape(title)}</h1>`,
    `<p class="outcome ${report.outcome === 'Completed' ? 'good' : 'look'}">${escape(headline(report))}</p>`,
    table('Run', [
      ['Started by', `${report.trigger}, ${report.mode}${report.reason ? `: ${report.reason}` : ''}`],
      ['Opened', report.openedAt],
      ['Ended', report.closedAt],
      ['Opening', String(report.opening)],
    ]),
    failure ? table('Why it failed', [[failure.name, `${failure.message} (at "${failure.stage}")`]]) : '',
    review
      ? table('Held for review', [
          ...review.reasons.map((reason) => ['Reason', reason] as const),
          ['Decision', review.decision],
        ])
      : '',
    table('People', [
      ['Rows in the cohort', count(cohort.rows)],
      ['Distinct valid NHS numbers', count(cohort.requested)],
      ['Repeated rows', count(cohort.duplicates)],
      ['Set aside', count(cohort.quarantined)],
      ...Object.entries(cohort.quarantinedByReason).map(([reason, number]) => [`… ${reason}`, count(number)] as const),
      ...linkedRows(report),
      ...splittingRows(report),
      ['Numbers asked about', count(report.asked)],
      ['Answered', count(report.answered)],
      ['Opted out', `${count(report.optedOut)} (${report.optOutPercent.toFixed(2)} %)`],
      ['Not opted out', count(report.notOptedOut)],
      [
        'Opted out last time',
        report.previousOptOutPercent === undefined ? 'no earlier run' : `${report.previousOptOutPercent.toFixed(2)} %`,
      ],
    ]),
    rebuildTable(report),
    table('Consents', [
      ['Written to the FHIR store', count(report.consents.written)],
      ...(report.consents.present > 0 ? [['Stood there already', count(report.consents.present)] as const] : []),
      ...Object.entries(report.consents.failedByReason).map(
        ([reason, number]) => [`Not taken by the FHIR store: ${reason}`, count(number)] as const,
      ),
      ...(report.consents.unsafe > 0
        ? [['Still say "not opted out", so that the run is not marked', count(report.consents.unsafe)] as const]
        : []),
      ...(report.provenancesFailed > 0 ? [['Provenances not taken', count(report.provenancesFailed)] as const] : []),
      ...(report.strays === undefined
        ? []
        : [['Consents of whom nobody knows, so that the run is not marked', count(report.strays)] as const]),
      ...(report.usable ? [['Usable until', report.usable.until] as const] : []),
      ...changeRows('', changes),
      ...(report.consents.written === 0 ? changeRows('Called for, not written: ', report.found) : []),
    ]),
    partsTable(report),
  ];
  return `<!doctype html>
<html lang="en-GB">
<meta charset="utf-8">
<title>${escape(title)}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #212b32; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #d8dde0; vertical-align: top; }
td { font-variant-numeric: tabular-nums; } .outcome { font-size: 1.15rem; padding: .6rem .9rem; border-left: .4rem solid; }
.good { border-color: #007f3b; background: #e6f2eb; } .look { border-color: #d5281b; background: #fbeae8; }
</style>
${sections.filter(Boolean).join('\n')}
</html>
`;
}

function headline({ outcome, failure, consents, answered }: Report): string {
  if (outcome === 'Failed') return `Failed: ${failure?.name ?? 'unknown'}.`;
  if (outcome === 'NothingToCheck') return 'Nothing to check: the cohort has no valid NHS number, so nothing was sent.';
  if (outcome === 'SnapshotRebuilt') {
    return 'Snapshot rebuilt from the FHIR store, nothing written: start a run now, for how old its answers are is not known.';
  }
  if (outcome === 'DryRunCompleted') return 'Dry run completed: nothing was written.';
  const done = `${count(answered)} people answered, ${count(consents.written)} Consents written.`;
  if (outcome === 'CompletedWithFailures') {
    return `Completed with failures: ${done} ${count(consents.failed)} were not taken: mend the reasons below, then resume the run.`;
  }
  return outcome === 'CompletedPartially'
    ? `Completed in part: ${done} Some parts have no usable answer.`
    : `Completed: ${done}`;
}

function table(title: string, rows: readonly (readonly [string, string])[]): string {
  const body = rows.map(([name, value]) => `<tr><th>${escape(name)}</th><td>${escape(value)}</td></tr>`).join('\n');
  return `<h2>${escape(title)}</h2>\n<table>\n${body}\n</table>`;
}

function linkedRows({ cohort }: Report): (readonly [string, string])[] {
  const rows = [
    ['Numbers that count for another number of the same person', cohort.merged],
    ['Links of replaced patients that lead to nobody in the cohort', cohort.unresolvedLinks],
    ['Further numbers left out as invalid', cohort.invalidOtherNumbers],
    ['Further numbers refused by the service, which withhold whoever has one', cohort.refusedOtherNumbers],
  ] as const;
  return rows.flatMap(([name, value]) => (value ? [[name, count(value)] as const] : []));
}

function splittingRows({ splitting }: Report): (readonly [string, string])[] {
  if (!splitting) return [];
  const { rounds, requests, refusedByService } = splitting;
  const said = `${count(requests)} further requests in ${count(rounds)} rounds: the service refused ${count(refusedByService)} people alone`;
  return [['Rejected requests split', said]];
}

function rebuildTable({ rebuild }: Report): string {
  if (!rebuild) return '';
  return table('Read back from the FHIR store', [
    ['Consents in force', count(rebuild.active)],
    ['Consents not in force', count(rebuild.inactive)],
    ['People without a Consent', count(rebuild.absent)],
    ['Consents that the next run rewrites for their content', count(rebuild.toRewrite)],
    ['Consents that are not as we write them: left out, the next run writes them anew', count(rebuild.foreign)],
    ['Consents of people who have left the cohort', count(rebuild.former)],
    [
      'Further Consents of ours: nobody knows whose',
      rebuild.beyondCohort === undefined ? 'not counted' : count(rebuild.beyondCohort),
    ],
  ]);
}

function changeRows(prefix: string, changes: ReportedChanges): (readonly [string, string])[] {
  const named = [
    ['new', changes.created],
    ['now opted out', changes.activated],
    ['no longer opted out', changes.deactivated],
    ['rewritten', changes.updated],
    ['retired', changes.retired],
  ] as const;
  return named.map(([name, number]) => [`${prefix || '… '}${name}`, count(number)]);
}

function partsTable({ parts }: Report): string {
  if (parts.length === 0) return '';
  const header = ['Part', 'People', 'State', 'Sent', 'Answered', 'Opted out', 'Remark'];
  const rows = parts.map(({ part, rows: people, state, sentAt, answeredAt, optedOut, failure }) => [
    String(part),
    count(people),
    state,
    sentAt ?? '',
    answeredAt ?? '',
    optedOut === undefined ? '' : count(optedOut),
    failure ? `${failure.name}: ${failure.message}` : '',
  ]);
  const line = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join('')}</tr>`;
  return `<h2>Parts</h2>\n<table>\n${line(header, 'th')}\n${rows.map((row) => line(row, 'td')).join('\n')}\n</table>`;
}

function count(value: number): string {
  return value.toLocaleString('en-GB');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
