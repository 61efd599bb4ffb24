import type { ConformanceCase } from '../case.ts';
import { Waiting } from '../checks.ts';
import { departures, type Operation } from '../published-form.ts';

/** Without these a run says little about a client. */
const wanted: readonly Operation[] = ['send', 'list', 'download', 'acknowledge'];

export const publishedForm: ConformanceCase = {
  number: '802',
  title: 'The published specification is followed (declared)',
  asks: 'The supplier declares that its client follows the published MESH API specification.',
  passes:
    'Every call of the whole run is held against a table of the published form: method, path, parameters, headers and their values, body, documented answers; the token of each is recomputed, and none is used twice.',
  async run(context) {
    const { ours, checks, recorder, note } = context;
    await ours.authenticate();
    await ours.checkInbox();
    const calls = recorder.of(ours.mailboxId);
    const odd = calls.flatMap((call) => departures(call, ours.mailboxId).map((what) => `${call.name}: ${what}`));
    checks.that('Every call of the run has the published form', odd.length === 0, odd[0] ?? `${calls.length} calls`);
    const requests = recorder.requestsOf(ours.mailboxId);
    const faults = requests.flatMap((request) => request.faults);
    checks.that('Every token has the published form and is used once', faults.length === 0, faults[0]);
    checks.equal('As many requests left this process as the client told of', requests.length, calls.length);
    const done = calls.filter(({ status = 0 }) => status >= 200 && status < 300);
    const handshakes = done.filter(({ operation }) => operation === 'handshake').length;
    checks.equal('The mailbox is authenticated once in the run, not before every call', handshakes, 1);
    const kinds = new Set(done.flatMap(({ operation }) => (operation === undefined ? [] : [operation])));
    note('Operations seen', [...kinds].sort().join(', '));
    const unseen = wanted.filter((operation) => !kinds.has(operation));
    if (unseen.length === 0) return;
    throw new Waiting(`This run made no call to ${unseen.join(', ')}: run this case again together with 201 and 401`);
  },
};
