import { isSyntheticOptOut, syntheticNhsNumbers } from '../../local/people/synthetic.ts';
import type { Summary } from '../../local/runner/summary.ts';
import type { ScenarioName } from '../../local/scenarios.ts';
import { filesNamingPeople } from './identifiers.ts';
import { runLocal, summaryIn, Workplace, type CommandResult } from './local-command.ts';

const people = 600;
const optOutRate = 0.05;
const seed = 1;
// Enough people for rates to be judged.
const cohort = ['--patients', String(people), '--opt-out-rate', String(optOutRate), '--seed', String(seed)];

export interface SecondMonth extends CommandResult {
  /** What the stand-ins held afterwards. */
  readonly state: string;
  readonly out: string;
  readonly summary: Summary;
}

/**
 * A month that has gone well, and any number of second months after it: the same stores, but two people are opted out
 * who were not and two no longer are, one pair among the lowest NHS numbers and one in the middle. So a run that wrote
 * anything at all, or to the wrong people, is seen. Nothing that such a month leaves outside S3 and the FHIR store may name
 * anybody.
 */
export class Months {
  readonly people = people;
  readonly #workplace: Workplace;
  readonly #lived = new Map<ScenarioName, Promise<SecondMonth>>();

  private constructor(workplace: Workplace) {
    this.#workplace = workplace;
  }

  static async begin(scenario: ScenarioName = 'happy'): Promise<Months> {
    const months = new Months(await Workplace.open());
    const first = await runLocal(
      ...[...cohort, '--scenario', scenario, '--state', months.firstState, '--out', months.firstOut, '--json'],
    );
    if (first.code !== 0) throw new Error(`The first month failed: ${first.stderr}`);
    return months;
  }

  /** Results of the first month. */
  get firstOut(): string {
    return this.#workplace.path('out');
  }

  /** What the stand-ins held after the first month. */
  get firstState(): string {
    return this.#workplace.path('state');
  }

  /** What asks for one month twice is given it once. */
  second(scenario: ScenarioName): Promise<SecondMonth> {
    const lived = this.#lived.get(scenario) ?? this.#live(scenario);
    this.#lived.set(scenario, lived);
    return lived;
  }

  async #live(scenario: ScenarioName): Promise<SecondMonth> {
    const state = await this.#workplace.copy('state', `${scenario}-state`);
    const optedOut = await this.#workplace.write(`${scenario}.txt`, othersOptedOut());
    const out = this.#workplace.path(`${scenario}-out`);
    const result = await runLocal(
      ...[...cohort, '--opted-out', optedOut, '--scenario', scenario, '--state', state, '--out', out, '--json'],
    );
    const naming = await filesNamingPeople(out, result, new Set(syntheticNhsNumbers(people, seed)));
    if (Object.keys(naming).length > 0) throw new Error(`The run names people: ${JSON.stringify(naming)}`);
    return { ...result, state, out, summary: summaryIn(result) };
  }

  end(): Promise<void> {
    return this.#workplace.close();
  }
}

function othersOptedOut(): string {
  const numbers = [...syntheticNhsNumbers(people, seed)].sort();
  const isOptedOut = (nhsNumber: string) => isSyntheticOptOut(nhsNumber, optOutRate, seed);
  const halves = [numbers, numbers.slice(people / 2)];
  const leaving = halves.map((half) => half.find(isOptedOut));
  const joining = halves.map((half) => half.find((nhsNumber) => !isOptedOut(nhsNumber)));
  const staying = numbers.filter((nhsNumber) => isOptedOut(nhsNumber) && !leaving.includes(nhsNumber));
  return [...staying, ...joining].join('\n');
}
