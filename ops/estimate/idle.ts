import { costTable, type CostLine } from './cost-lines.ts';
import { limits } from './limits.ts';
import { assumed } from './measured.ts';
import { prices, pricesAt, standingPrices } from './prices.ts';
import { functionSettings, settings } from './settings.ts';

const daysPerMonth = 30;

/** What stands, and the daily drain that finds nothing. Nearly all of it is the FHIR store, which can't be paused. */
export function idleMonth(): readonly CostLine[] {
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

export function printIdleMonth(lines: readonly CostLine[] = idleMonth()): string {
  return [
    'A month in which no run starts, in US dollars:',
    '',
    ...costTable(lines),
    '',
    `Prices of ${pricesAt}, without tax. Those of HealthLake, alarms, secrets and keys are those of us-east-1: London was not seen. The store includes ${limits.healthLakeQueriesAnHour} queries an hour and 10 GB. Left out: logs, custom metrics, what S3 and DynamoDB store, NAT and VPC.`,
  ].join('\n');
}
