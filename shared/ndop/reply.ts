import { z } from 'zod';
import { parseJson } from '../json.ts';
import type { MessageHeaders } from '../mesh/message.ts';

/** Where replies to us come from, and through which workflow. */
export interface ReplySource {
  readonly mailbox: string;
  readonly workflowId: string;
}

/**
 * What a message in our inbox is. Only an answer may change anybody's status.
 * - `foreign`: another sender or workflow; stored, acknowledged and left alone
 * - `report`: a non-delivery or other report of MESH about a message of ours
 * - `notice`: the service has created its job; the answer follows
 * - `job-refused`: the service says that a check of its own failed
 * - `rejected`: one sentence; the file holds an invalid NHS number
 * - `answer`: the request's rows without the people who have opted out
 * - `blank`: nothing but white space: an answer of no rows once the job notice has been seen
 * - `unrecognised`: none of these
 */
export type ReplyClass =
  | { readonly class: 'foreign' }
  | { readonly class: 'report'; readonly code: string; readonly description: string }
  | { readonly class: 'notice' }
  | { readonly class: 'job-refused'; readonly stages: readonly string[] }
  | { readonly class: 'rejected' }
  | { readonly class: 'answer' }
  | { readonly class: 'blank' }
  | { readonly class: 'unrecognised' };

/** How much of a body the classifier looks at; every line of an answer is judged again when it is reconciled. */
export const classifiedBytes = 65_536;

/** Unknown members pass; the 20-digit time stamps are beyond what JSON numbers keep, so none is read. */
const jobNotice = z.looseObject({
  dataset_id: z.string().optional(),
  status: z.string().optional(),
  stages: z.array(z.looseObject({ stage: z.string(), passed: z.boolean().nullish() })).optional(),
});

/**
 * Decides what a message is: by MESH's own type first, then sender and workflow, then the body. Neither subject nor file
 * name decides: every class comes as `.dat`, and a job notice taken for a list would be read as one strange person.
 *
 * @param head at most `classifiedBytes` of the body
 */
export function classifyReply(headers: MessageHeaders, head: Uint8Array, source: ReplySource): ReplyClass {
  if (headers.messageType.toUpperCase() === 'REPORT') {
    return { class: 'report', code: headers.statusCode ?? '', description: headers.statusDescription ?? '' };
  }
  if (headers.from !== source.mailbox || headers.workflowId !== source.workflowId) return { class: 'foreign' };
  const text = new TextDecoder('latin1')
    .decode(head)
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trimStart();
  if (text === '') return { class: 'blank' };
  if (text.startsWith('{')) return classifyNotice(text, headers.subject ?? '');
  if (/invalid nhs number/i.test(text)) return { class: 'rejected' };
  const lines = text.split(/\r\n|\n|\r/);
  // Behind the last line end stands nothing, or a row cut off by the end of the head or of the file itself; what a
  // cut-off end means is for reconciliation to say.
  const last = lines.pop() ?? '';
  const isAnswer = lines.every((line) => line.trim() === '' || rowForm.test(line)) && cutRowForm.test(last);
  return { class: isAnswer ? 'answer' : 'unrecognised' };
}

/** Ten digits, then nothing more, or white space or a comma and whatever follows. */
const rowForm = /^\s*[0-9]{10}(?:[\s,].*)?$/;
const cutRowForm = /^\s*(?:[0-9]{0,10}|[0-9]{10}[\s,].*)$/;

function classifyNotice(text: string, subject: string): ReplyClass {
  const parsed = jobNotice.safeParse(parseJson(text));
  if (!parsed.success) return { class: 'unrecognised' };
  const { dataset_id: datasetId, status, stages } = parsed.data;
  if (datasetId === undefined && stages === undefined && subject !== 'SUCCESS') return { class: 'unrecognised' };
  const failed = (stages ?? []).filter((stage) => stage.passed === false).map((stage) => stage.stage);
  if (failed.length > 0 || /fail|reject|error/i.test(status ?? '')) return { class: 'job-refused', stages: failed };
  return { class: 'notice' };
}
