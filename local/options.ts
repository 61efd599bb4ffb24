import { scenarioNames, type ScenarioName } from './scenarios.ts';
import { readArguments, UsageError, wholeNumber } from '../shared/command-line.ts';

export interface Options {
  /** A CSV file with a column nhsNumber; the sample cohort where neither this nor `patients` is given. */
  readonly cohort?: string;
  /** One number a line: who is opted out nationally. */
  readonly optedOut?: string;
  /** One number a line: whom the national service takes for invalid, though the number passes every check. */
  readonly unknown?: string;
  /** So many synthetic people instead of a file. */
  readonly patients?: number;
  readonly optOutRate: number;
  readonly seed: number;
  readonly scenario: ScenarioName;
  /** Keeps what the stand-ins hold, so that the next call is the next month's run. */
  readonly state?: string;
  readonly out: string;
  readonly json: boolean;
  readonly serve: boolean;
  /** What to answer a run that is held for review; a served one waits for `npm run ops`. */
  readonly review: 'approve' | 'reject';
  /** People in a part, in place of the environment's. */
  readonly partRows?: number;
  /** Port of the MESH stand-in; any free one where not given. */
  readonly meshPort: number;
}

export const usage = `Usage: npm run local -- [options]

  --cohort FILE        CSV with a column nhsNumber, optionally patientId (default: the sample cohort)
  --opted-out FILE     who is opted out nationally, one NHS number a line
  --unknown FILE       whose numbers the national service rejects, one NHS number a line
  --patients N         N synthetic people instead of a file
  --opt-out-rate R     share of synthetic people who are opted out (default 0.054)
  --seed S             another set of synthetic people (default 1)
  --scenario NAME      ${scenarioNames.join(', ')}
  --state DIR          keep the stand-ins' data: the next call is the next month's run
  --out DIR            where the results go (default .local/last-run)
  --json               print the summary as JSON and nothing else on stdout
  --serve              keep everything up and print the endpoints
  --review VERDICT     what to answer a held run: approve or reject (default reject)
  --part-rows N        people in a part
  --mesh-port N        port of the MESH stand-in`;

/** @throws UsageError naming the option at fault */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parse(args);
  if (values.help === true) return 'help';
  if (values.cohort !== undefined && values.patients !== undefined) {
    throw new UsageError('--cohort and --patients exclude each other');
  }
  const scenario = scenarioNames.find((name) => name === (values.scenario ?? 'happy'));
  if (scenario === undefined) {
    throw new UsageError(`--scenario ${values.scenario ?? ''}: unknown; the scenarios are ${scenarioNames.join(', ')}`);
  }
  const review = values.review ?? 'reject';
  if (review !== 'approve' && review !== 'reject')
    throw new UsageError(`--review ${review}: must be approve or reject`);
  return {
    ...(values.cohort === undefined ? {} : { cohort: values.cohort }),
    ...(values['opted-out'] === undefined ? {} : { optedOut: values['opted-out'] }),
    ...(values.unknown === undefined ? {} : { unknown: values.unknown }),
    ...(values.patients === undefined ? {} : { patients: wholeNumber('--patients', values.patients, 0) }),
    optOutRate: share('--opt-out-rate', values['opt-out-rate'] ?? '0.054'),
    seed: wholeNumber('--seed', values.seed ?? '1', 0),
    scenario,
    ...(values.state === undefined ? {} : { state: values.state }),
    out: values.out ?? '.local/last-run',
    json: values.json === true,
    serve: values.serve === true,
    review,
    ...(values['part-rows'] === undefined ? {} : { partRows: wholeNumber('--part-rows', values['part-rows'], 1) }),
    meshPort: wholeNumber('--mesh-port', values['mesh-port'] ?? '0', 0),
  };
}

function parse(args: readonly string[]) {
  return readArguments({
    args: [...args],
    allowPositionals: false,
    options: {
      cohort: { type: 'string' },
      'opted-out': { type: 'string' },
      unknown: { type: 'string' },
      patients: { type: 'string' },
      'opt-out-rate': { type: 'string' },
      seed: { type: 'string' },
      scenario: { type: 'string' },
      state: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean' },
      serve: { type: 'boolean' },
      review: { type: 'string' },
      'part-rows': { type: 'string' },
      'mesh-port': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}

function share(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new UsageError(`${option} ${text}: must be between 0 and 1`);
  return value;
}
