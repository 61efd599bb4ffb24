import { createHash } from 'node:crypto';
import type { MeshMessage } from '../mesh/message.ts';

const stages = ['validate_non_empty_file', 'validate_is_unique_upload', 'validate_in_order'] as const;
export type Stage = (typeof stages)[number];

/** Marks a string that has to stand in the JSON as a bare integer; no header can carry this character. */
const mark = '\uE000';

/**
 * The service's notice that a job was created for a request, or was refused at a stage. Keys, nesting and types are
 * those of a notice seen in the wild, with its twenty-digit integers, which no JSON number in JavaScript can hold.
 * What a refused one looks like is an assumption: the stages up to the failed one, and status `failed`.
 */
export function jobNotice(request: MeshMessage, jobId: number, failedStage?: Stage): Buffer {
  const { messageId, from = '', to, localId, subject, fileName, contentEncoding, body } = request;
  const now = new Date();
  const isoMicros = `${now.toISOString().slice(0, -1)}000`;
  const stamp = `${mark}${now.toISOString().replace(/\D/g, '')}000`;
  const done = failedStage === undefined ? stages : stages.slice(0, stages.indexOf(failedStage) + 1);
  const notice = {
    version: 10,
    id: jobId,
    status: failedStage === undefined ? 'pending' : 'failed',
    received: isoMicros,
    submitted: isoMicros,
    finished: failedStage === undefined ? null : isoMicros,
    stages: done.map((stage) => ({
      stage,
      ts: stamp,
      passed: stage !== failedStage,
      details: stage === failedStage ? 'The file did not pass this stage' : null,
    })),
    runs: [],
    sender_id: from,
    agent_id: 1,
    dataset_id: 'mesh_to_pos',
    dataset_version: null,
    workspace: null,
    metadata: {
      submission_id: jobId,
      dataset_version: null,
      sender_id: from,
      test_submission: false,
      received_timestamp: Math.floor(now.getTime() / 1000),
      submitted_timestamp: stamp,
      file_type: 'csv',
      request: {
        dataset_id: 'mesh_to_pos',
        dataset_version: null,
        submitted_timestamp: stamp,
        expected_file: null,
        expected_failure: false,
        extra: {
          sending_mailbox: from,
          landing_mailbox: to,
          transfer_id: createHash('sha1').update(messageId).digest('hex'),
          message_id: messageId,
          filename: fileName,
          local_id: localId,
          message_type: 'DATA',
          subject,
          encrypted: false,
          compressed: contentEncoding === 'gzip',
        },
        reporting_period_name: null,
        reporting_period_start: null,
        reporting_period_end: null,
        submission_start_date: null,
        submission_end_date: null,
        submitted_by: null,
        submitted_on: null,
        is_test: null,
        stage: null,
      },
      filename: fileName,
      filesize: body.length,
      file_hash: createHash('sha256').update(body).digest('base64url').slice(0, 10),
      dataset_id: 'mesh_to_pos',
      working_folder: `s3://example-bucket/submissions/${String(jobId).padStart(20, '0')}`,
      agent_id: 1,
      s3_url: null,
    },
    pipeline_result: null,
    test_scope: null,
  };
  return Buffer.from(JSON.stringify(notice).replaceAll(new RegExp(`"${mark}(\\d{20})"`, 'g'), '$1'));
}
