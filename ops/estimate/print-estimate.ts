import { assumed } from './measured.ts';
import { prices, pricesAt } from './prices.ts';
import { stages, type RunEstimate } from './estimate.ts';
import type { Scenario } from './settings.ts';

/** Both runs side by side, as tables of Markdown, so that they may stand in a document as they are. */
export function printEstimate(scenario: Scenario, first: RunEstimate, regular: RunEstimate): string {
  const both = (name: string, value: (run: RunEstimate) => string) => [name, value(first), value(regular)];
  const heads = ['', 'first load', `every ${scenario.everyDays} days`];
  return [
    `${grouped(scenario.patients)} people in parts of ${grouped(scenario.partRows)}, ${percent(scenario.optOutRate)} opted out, ${percent(scenario.changeRate)} change, cohort by ${scenario.source}`,
    '',
    table(heads, [
      both('parts', ({ parts }) => grouped(parts)),
      both('Consents by batches, import', ({ healthLake: { writes, imported } }) =>
        [writes, imported].map(grouped).join(', '),
      ),
      both('change files', ({ changes }) => grouped(changes.activationFiles + changes.otherFiles)),
      both('MESH messages out, in', ({ mesh }) => `${grouped(mesh.messagesSent)}, ${grouped(mesh.messagesReceived)}`),
      both('MESH chunks out', ({ mesh }) => grouped(mesh.chunksSent)),
      both('MESH bytes out, gzipped', ({ mesh }) => `${bytes(mesh.bytesSent)}, ${bytes(mesh.bytesSentCompressed)}`),
      both('MESH bytes in', ({ mesh }) => bytes(mesh.bytesReceived)),
      both('MESH calls', ({ mesh }) => grouped(mesh.calls)),
      both('state transitions', ({ execution }) => grouped(execution.transitions)),
      both('events of the history', ({ execution }) => grouped(execution.historyEvents)),
      both('S3 objects', ({ s3 }) => grouped(s3.objects)),
      both('S3 PUT, GET', ({ s3 }) => `${grouped(s3.puts)}, ${grouped(s3.gets)}`),
      both('S3 bytes kept, for 3 days', ({ s3 }) => `${bytes(s3.bytes)}, ${bytes(s3.importBytes)}`),
      both('DynamoDB rows', ({ dynamo }) => grouped(dynamo.items)),
      both(
        'DynamoDB units written, read',
        ({ dynamo }) => `${grouped(dynamo.writeUnits)}, ${grouped(dynamo.readUnits)}`,
      ),
      both('HealthLake Bundles', ({ healthLake }) => grouped(healthLake.bundles)),
      both('HealthLake Provenances', ({ healthLake }) => grouped(healthLake.provenances)),
      both('HealthLake reads', ({ healthLake }) => grouped(healthLake.reads)),
      both('HealthLake units of 1 KB written', ({ healthLake }) => grouped(healthLake.writeUnits)),
      both('HealthLake minutes at quota', ({ healthLake }) => minutes(healthLake.minutesAtQuota)),
    ]),
    '',
    table(
      ['minutes', ...heads.slice(1)],
      [
        ...stages.map((stage) => both(stage, (run) => minutes(run.minutes[stage]))),
        both('all', (run) => minutes(stages.reduce((sum, stage) => sum + run.minutes[stage], 0))),
      ],
    ),
    '',
    table(
      ['Lambda: invocations, longest, GB-seconds', ...heads.slice(1)],
      first.functions.map(({ name, megabytes }) =>
        both(`${name}, ${megabytes} MB`, (run) => {
          const found = run.functions.find((figures) => figures.name === name);
          return found && found.invocations > 0
            ? `${grouped(found.invocations)}, ${found.seconds.toFixed(1)} s, ${found.gigabyteSeconds.toFixed(1)}`
            : '-';
        }),
      ),
    ),
    '',
    table(
      ['US dollars', ...heads.slice(1)],
      [
        ...Object.keys(first.dollars).map((name) => both(name, (run) => (run.dollars[name] ?? 0).toFixed(2))),
        both('all', (run) =>
          Object.values(run.dollars)
            .reduce((sum, dollars) => sum + dollars, 0)
            .toFixed(2),
        ),
      ],
    ),
    '',
    ...warningLines('First load', first),
    ...warningLines(`Every ${scenario.everyDays} days`, regular),
    `Prices of ${pricesAt}, London, without tax. Unsure: ${unsurePrices().join('; ')}.`,
    `Assumed, for nobody could measure it here: an answer after ${scenario.replySeconds / 60} minutes, ${scenario.source === 'export' ? `an export after ${scenario.exportSeconds / 60}, ` : ''}${assumed.batchSeconds} s a Bundle, ${assumed.meshCallSeconds} s a call to MESH. Left out: what HealthLake writes about its jobs, logs, keys, notifications, NAT and VPC, taxes, people.`,
  ].join('\n');
}

function warningLines(title: string, { warnings }: RunEstimate): string[] {
  return warnings.length > 0
    ? [`${title}, limits that would be met:`, ...warnings.map((warning) => `- ${warning}`), '']
    : [];
}

function unsurePrices(): string[] {
  return Object.entries(prices).flatMap(([name, price]) => ('unsure' in price ? [`${name} (${price.unsure})`] : []));
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(heads), rule, ...rows.map(line)].join('\n');
}

const grouped = (value: number): string => Math.round(value).toLocaleString('en-GB');

const percent = (share: number): string => `${Number((share * 100).toFixed(3))} %`;

const minutes = (value: number): string => (value < 100 ? value.toFixed(1) : grouped(value));

function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), units.length - 1);
  return `${(value / 1_000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power] ?? ''}`;
}
