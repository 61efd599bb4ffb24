import { listOf, memberOf } from '../json.ts';

const longestText = 200;

/** Source: FHIR R4, value set `issue-type`. */
const issueCodes = words(`
  invalid structure required value invariant security login unknown expired forbidden suppressed processing
  not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly business-rule
  conflict transient lock-error no-store exception timeout incomplete throttled informational`);

/** What validators say, with the element names of what we write. A word that is not here may be somebody's. */
const knownWords = words(`
  a an and are as at be been but by can cannot could does for from has have if in is it may must no not of on only or
  should than that the there this to unable was were which with within without
  above allowed array attribute available based because been below binding body bound bundle cardinality character
  characters client code codes coding complete conform constraint contain contains content could data datatype date day
  defined depth detected did duplicate each element elements empty entry enum error errors exactly exceeded exceeds
  exist exists expected expression extension fail failed field fields find fhir form format found given greater header
  id ids incorrect index instance internal invalid invariant item json key known last least length less limit list
  match matches matching max maximum member message min minimum missing month more most name namespace nor null number
  object occurred occurs of one operation optional outside parameter parse parsed parsing part path pattern payload
  present primitive profile profiles properties property provided rate read reason recognised recognized reference
  referenced references rejected repeat repeats request required resource resources response retry rule rules satisfy
  schema second server service set settings size slice specified state status store string structure such support
  supported system tag target terminology text time timezone too type types unexpected unknown unrecognised
  unrecognized unsupported update uri url used uuid valid validate validated validation validator value values version
  while write wrong year zero zone
  resourcetype consent provenance auditevent patient organization device meta source security profile identifier scope
  category datetime performer policy policyrule provision period start end action purpose authority display use
  assigner occurreddatetime recorded activity agent who onbehalfof role what entity outcome subtype detail observer`);

/**
 * What an OperationOutcome says, without what it may repeat of a resource: codes, and of its sentences and paths the words
 * that are known beforehand. Whatever else (numbers, ids, names, all in quotes) is left out as `…`.
 *
 * @returns at most 200 characters; empty where nothing may be shown
 */
export function outcomeText(outcome: unknown): string {
  const issues = listOf(memberOf(outcome, 'issue'));
  // What is refused before it comes to a FHIR server is answered with a message alone.
  const said = [...issues.map(issueText), knownText(memberOf(outcome, 'message'))];
  const text = [...new Set(said)].filter((one) => one !== '').join('; ');
  return text.length <= longestText ? text : `${text.slice(0, longestText - 1)}…`;
}

function issueText(issue: unknown): string {
  const code = memberOf(issue, 'code');
  const details = listOf(memberOf(memberOf(issue, 'details'), 'coding')).map((coding) => memberOf(coding, 'code'));
  const [path = ''] = listOf(memberOf(issue, 'expression')).filter(isKnownPath);
  return [
    typeof code === 'string' && issueCodes.has(code) ? code : '',
    ...details.filter(isMessageCode),
    path === '' ? '' : `at ${path}`,
    knownText(memberOf(issue, 'diagnostics')),
  ]
    .filter((one) => one !== '')
    .join(' ');
}

/** Source: FHIR R4, code system `operation-outcome`. */
function isMessageCode(code: unknown): code is string {
  return typeof code === 'string' && /^MSG_[A-Z_]{1,40}$/.test(code);
}

function isKnownPath(path: unknown): path is string {
  if (typeof path !== 'string' || !/^[A-Za-z]+(?:\[\d{1,3}\])?(?:\.[A-Za-z]+(?:\[\d{1,3}\])?)*$/.test(path))
    return false;
  return path
    .replace(/\[\d+\]/g, '')
    .split('.')
    .every(isKnownWord);
}

function knownText(diagnostics: unknown): string {
  if (typeof diagnostics !== 'string') return '';
  const text = diagnostics
    .slice(0, 10 * longestText)
    .replace(/"[^"]*"|'[^']*'|`[^`]*`/g, ' … ')
    .split(/\s+/)
    .map((word) => (isKnownWord(word.replace(/^\(|[.,:;!?)]+$/g, '')) ? word : '…'))
    .join(' ');
  return /^[…\s]*$/.test(text) ? '' : `(${text.replace(/…(?: …)+/g, '…').trim()})`;
}

function isKnownWord(word: string): boolean {
  return knownWords.has(word.toLowerCase());
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
