import { limits } from './limits.ts';
import { assumed } from './measured.ts';
import { prices, pricesAt, standingPrices } from './prices.ts';
import { functionSettings, settings } from './settings.ts';

/** One thing that an environment costs in a month in which no run starts. */
interface IdleLine {
  readonly what: string;
  readonly count: number;
  readonly dollarsEach: number;
}

const daysPerMonth = 30;

/** What stands, and the daily drain that finds nothing. Nearly all of it is the FHIR store, which can't be paused. */
export function idleMonth(): readonly IdleLine[] {
  const drainSeconds = 3 * assumed.meshCallSeconds + 15 * assumed.awsCallSeconds + 2 * assumed.invocationSeconds;
  const drainGigabyteSeconds = (drainSeconds * functionSettings.DrainMailbox.megabytes) / 1_024;
  const priced = (what: keyof typeof standingPrices) => standingPrices[what].dollars;
  return [
    {
      what: 'hours of the HealthLake store',
      count: 24 * daysPerMonth,
      dollarsEach: prices.healthLakeStoreHour.dollars,
    },
    { what: 'alarms', count: settings.alarms, dollarsEach: priced('alarmMonth') },
    { what: 'secrets', count: settings.secrets, dollarsEach: priced('secretMonth') },
    { what: 'keys', count: 1, dollarsEach: priced('keyMonth') },
    {
      what: 'states of daily drains',
      count: settings.statesOfDrain * daysPerMonth,
      dollarsEach: prices.stateTransition.dollars,
    },
    {
      what: 'GB-seconds of daily drains',
      count: Math.ceil(drainGigabyteSeconds * daysPerMonth),
      dollarsEach: prices.lambdaGigabyteSecond.dollars,
    },
  ];
}

export function printIdleMonth(lines: readonly IdleLine[] = idleMonth()): string {
  const dollars = ({ count, dollarsEach }: IdleLine) => count * dollarsEach;
  const all = lines.reduce((sum, line) => sum + dollars(line), 0);
  return [
    'A month in which no run starts, in US dollars:',
    '',
    '| what | how many | each | dollars |',
    '| --- | ---: | ---: | ---: |',
    ...lines.map(
      (line) =>
        `| ${line.what} | ${line.count} | ${Number(line.dollarsEach.toPrecision(3))} | ${dollars(line).toFixed(2)} |`,
    ),
    `| all | | | ${all.toFixed(2)} |`,
    '',
    `Prices of ${pricesAt}, without tax. Those of HealthLake, alarms, secrets and keys are those of us-east-1: London was not seen. The store includes ${limits.healthLakeQueriesAnHour} queries an hour and 10 GB. Left out: logs, custom metrics, what S3 and DynamoDB store, NAT and VPC.`,
  ].join('\n');
}
