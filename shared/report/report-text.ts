import type { Report, ReportedRebuild } from './report.ts';

/** The report in a few lines, for a notification and a terminal. */
export function reportText(report: Report): string {
  const { cohort, changes, failure, review, splitting } = report;
  const reasons = Object.entries(cohort.quarantinedByReason).map(([reason, count]) => `${reason} ${count}`);
  const share = `${report.optOutPercent.toFixed(2)} %`;
  const before =
    report.previousOptOutPercent === undefined ? '' : `, last time ${report.previousOptOutPercent.toFixed(2)} %`;
  const { rebuild } = report;
  const lines = [
    `Run ${report.runId}: ${report.outcome}`,
    ...(failure ? [`  ${failure.name} at "${failure.stage}": ${failure.message}`] : []),
    `  cohort    ${cohort.rows} rows, ${cohort.requested} people, ${cohort.duplicates} repeats, ${cohort.quarantined} set aside`,
    ...(reasons.length > 0 ? [`            set aside: ${reasons.join(', ')}`] : []),
    ...linkedLines(report),
    ...(splitting
      ? [
          `  rejected  split into ${splitting.requests} further requests in ${splitting.rounds} rounds: ${splitting.refusedByService} people refused by the service`,
        ]
      : []),
    ...(rebuild ? rebuildLines(rebuild) : []),
    `  answers   ${report.answered} people of ${report.asked} numbers asked about: ${report.optedOut} opted out (${share}${before}), ${report.notOptedOut} not`,
    `  changes   ${changes.created} new, ${changes.activated} now opted out, ${changes.deactivated} no longer, ${changes.updated} rewritten, ${changes.retired} retired`,
    `  Consents  ${failure ? 'at least ' : ''}${report.consents.written} written${report.consents.present > 0 ? `, ${report.consents.present} stood there already` : ''}`,
    ...Object.entries(report.consents.failedByReason).map(
      ([reason, count]) => `            ${count} not taken by the FHIR store: ${reason}`,
    ),
    ...(report.consents.unsafe > 0
      ? [
          `            ${report.consents.unsafe} of them still say "not opted out" and could not be deleted: no new marker until they are gone`,
        ]
      : []),
    ...(report.provenancesFailed > 0
      ? [`            ${report.provenancesFailed} Provenances not taken by the FHIR store`]
      : []),
    ...(report.strays === undefined
      ? []
      : [
          `  strays    the store may hold ${report.strays} Consents of ours of whom nobody knows: no new marker until a rebuild finds none`,
        ]),
    ...(report.usable
      ? [`  usable    until ${report.usable.until}, counted from the oldest request that an answer rests on`]
      : []),
    ...(review ? [`  review    ${review.reasons.join('; ')} -> ${review.decision}`] : []),
    ...report.parts.flatMap(({ part, failure: why }) => (why ? [`  part ${part}    ${why.name}: ${why.message}`] : [])),
  ];
  return lines.join('\n');
}

function linkedLines({ cohort }: Report): string[] {
  const { merged, unresolvedLinks, invalidOtherNumbers, refusedOtherNumbers } = cohort;
  const lines = [
    ...(merged ? [`${merged} numbers asked about that count for another number of the same person`] : []),
    ...(unresolvedLinks ? [`${unresolvedLinks} links of replaced patients lead to nobody in the cohort`] : []),
    ...(invalidOtherNumbers ? [`${invalidOtherNumbers} further numbers of patients left out as invalid`] : []),
    ...(refusedOtherNumbers
      ? [`${refusedOtherNumbers} further numbers refused by the service, which withhold whoever has one`]
      : []),
  ];
  return lines.map((line) => `            ${line}`);
}

function rebuildLines(rebuild: ReportedRebuild): string[] {
  const { active, inactive, absent, foreign, toRewrite, former, beyondCohort } = rebuild;
  return [
    `  in store  ${active} active, ${inactive} inactive, ${absent} people without, ${former} of people who have left the cohort`,
    `            ${toRewrite} to be rewritten for their content, ${foreign} not as we write them and left out`,
    beyondCohort === undefined
      ? '            Consents of whom nobody knows: not counted'
      : `            ${beyondCohort} further Consents of whom nobody knows${beyondCohort > 0 ? ': rebuild with a cohort file that holds them' : ''}`,
  ];
}
